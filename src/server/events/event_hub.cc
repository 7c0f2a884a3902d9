#include "server/events/event_hub.h"

#include <algorithm>

namespace easel::server {
namespace {

bool is_finished_picture(const Message& message) { return message.binary && message.urgency == Urgency::kEssential; }

bool post_picture(const std::vector<std::shared_ptr<Mailbox>>& to, PictureMessage picture, Urgency urgency) {
  if (to.empty()) return false;
  const Message plain{std::make_shared<const std::string>(std::move(picture.plain)), true, urgency};
  const Message described{std::make_shared<const std::string>(std::move(picture.described)), true, urgency};
  bool taken = false;
  for (const auto& box : to) taken = box->post(box->wants_preview_metadata() ? described : plain) || taken;
  return taken;
}

}  // namespace

// Drops the oldest droppable message that is no more urgent than the new one, the least urgent kind first. Returns
// false if the new message itself must be dropped.
bool Mailbox::make_room(Urgency incoming) {
  const auto drop_oldest = [&](Urgency kind) EASEL_REQUIRES(mutex_) {
    const auto it = std::find_if(queue_.begin(), queue_.end(), [&](const Message& m) { return m.urgency == kind; });
    if (it == queue_.end()) return false;
    bytes_ -= it->payload->size();
    if (kind == Urgency::kPreview) --previews_;
    queue_.erase(it);
    return true;
  };
  if (incoming == Urgency::kPreview && previews_ >= kPreviews) return drop_oldest(Urgency::kPreview);
  if (queue_.size() < kSoftLimit) return true;
  if (drop_oldest(Urgency::kPreview)) return true;
  if (incoming != Urgency::kPreview && drop_oldest(Urgency::kProgress)) return true;
  return incoming == Urgency::kEssential;
}

size_t& Mailbox::bytes_of(const Message& message) { return is_finished_picture(message) ? picture_bytes_ : bytes_; }

bool Mailbox::post(const Message& message) {
  {
    MutexLock lock(mutex_);
    if (overflow_ || !make_room(message.urgency)) return false;
    size_t& bytes = bytes_of(message);
    const size_t size = message.payload->size();
    if (is_finished_picture(message) && bytes > 0 && bytes + size > kPictureLimit) return false;
    bytes += size;
    if (message.urgency == Urgency::kPreview) ++previews_;
    queue_.push_back(message);
    if (bytes_ > kHardLimit) {
      overflow_ = true;
      queue_.clear();
      bytes_ = picture_bytes_ = previews_ = 0;
    }
  }
  wake_();
  return true;
}

void Mailbox::post_first(const std::vector<std::string>& texts) {
  {
    MutexLock lock(mutex_);
    for (auto text = texts.rbegin(); text != texts.rend(); ++text) {
      queue_.push_front({std::make_shared<const std::string>(*text)});
      bytes_ += text->size();
    }
  }
  wake_();
}

bool Mailbox::take(Message& out) {
  MutexLock lock(mutex_);
  if (queue_.empty()) return false;
  out = std::move(queue_.front());
  queue_.pop_front();
  bytes_of(out) -= out.payload->size();
  if (out.urgency == Urgency::kPreview) --previews_;
  return true;
}

bool Mailbox::overflowed() const {
  MutexLock lock(mutex_);
  return overflow_;
}

void EventHub::connect(const std::shared_ptr<Mailbox>& box) {
  {
    MutexLock lock(mutex_);
    boxes_.push_back(box);
  }
  if (connected_) connected_();
  if (changed_) changed_();
}

void EventHub::disconnect(const std::shared_ptr<Mailbox>& box) {
  MutexLock lock(mutex_);
  boxes_.erase(std::remove(boxes_.begin(), boxes_.end(), box), boxes_.end());
  lock.unlock();
  if (changed_) changed_();
}

EventHub::Listeners EventHub::listeners() const {
  MutexLock lock(mutex_);
  Listeners out{!boxes_.empty(), false, {}};
  for (const auto& box : boxes_) {
    out.watchers |= box->watches_all();
    out.clients.insert(box->client_id());
  }
  return out;
}

void EventHub::clear() {
  MutexLock lock(mutex_);
  boxes_.clear();
}

size_t EventHub::clients() const {
  MutexLock lock(mutex_);
  return boxes_.size();
}

std::vector<std::shared_ptr<Mailbox>> EventHub::boxes(const Recipients& to) const {
  MutexLock lock(mutex_);
  if (to.kind == Recipients::Kind::kEverybody) return boxes_;
  std::vector<std::shared_ptr<Mailbox>> out;
  for (const auto& box : boxes_)
    if (box->watches_all() || (to.kind == Recipients::Kind::kClient && box->client_id() == to.client_id))
      out.push_back(box);
  return out;
}

void EventHub::send(const Recipients& to, std::string text, Urgency urgency) {
  const auto receivers = boxes(to);
  if (receivers.empty()) return;
  const Message message{std::make_shared<const std::string>(std::move(text)), false, urgency};
  for (const auto& box : receivers) box->post(message);
}

void EventHub::send_preview(const Recipients& to, PictureMessage picture) {
  post_picture(boxes(to), std::move(picture), Urgency::kPreview);
}

bool EventHub::send_picture(const std::string& client_id, PictureMessage picture) {
  auto own = boxes(Recipients::client(client_id));
  std::erase_if(own, [](const auto& box) { return box->watches_all(); });
  return post_picture(own, std::move(picture), Urgency::kEssential);
}

}  // namespace easel::server
