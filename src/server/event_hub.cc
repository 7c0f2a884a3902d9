#include "server/event_hub.h"

#include <algorithm>

namespace easel::server {

// Drops the oldest droppable message that is no more urgent than the new one, least urgent kind first. False
// when the new one is itself the one to go.
bool Mailbox::make_room(Urgency incoming) {
  const auto drop_oldest = [&](Urgency kind) {
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

void Mailbox::post(const Message& message) {
  {
    std::lock_guard lock(mutex_);
    if (overflow_ || !make_room(message.urgency)) return;
    bytes_ += message.payload->size();
    if (message.urgency == Urgency::kPreview) ++previews_;
    queue_.push_back(message);
    if (bytes_ > kHardLimit) {
      overflow_ = true;
      queue_.clear();
      bytes_ = previews_ = 0;
    }
  }
  wake_();
}

void Mailbox::post_first(const std::vector<std::string>& texts) {
  {
    std::lock_guard lock(mutex_);
    for (auto text = texts.rbegin(); text != texts.rend(); ++text) {
      queue_.push_front({std::make_shared<const std::string>(*text)});
      bytes_ += text->size();
    }
  }
  wake_();
}

bool Mailbox::take(Message& out) {
  std::lock_guard lock(mutex_);
  if (queue_.empty()) return false;
  out = std::move(queue_.front());
  queue_.pop_front();
  bytes_ -= out.payload->size();
  if (out.urgency == Urgency::kPreview) --previews_;
  return true;
}

bool Mailbox::overflowed() const {
  std::lock_guard lock(mutex_);
  return overflow_;
}

void EventHub::connect(const std::shared_ptr<Mailbox>& box) {
  {
    std::lock_guard lock(mutex_);
    boxes_.push_back(box);
  }
  if (connected_) connected_();
}

void EventHub::disconnect(const std::shared_ptr<Mailbox>& box) {
  std::lock_guard lock(mutex_);
  boxes_.erase(std::remove(boxes_.begin(), boxes_.end(), box), boxes_.end());
}

void EventHub::clear() {
  std::lock_guard lock(mutex_);
  boxes_.clear();
}

size_t EventHub::clients() const {
  std::lock_guard lock(mutex_);
  return boxes_.size();
}

std::vector<std::shared_ptr<Mailbox>> EventHub::boxes(const Recipients& to) const {
  std::lock_guard lock(mutex_);
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

void EventHub::send_preview(const Recipients& to, std::string plain, std::string with_metadata) {
  const auto receivers = boxes(to);
  if (receivers.empty()) return;
  const Message old_form{std::make_shared<const std::string>(std::move(plain)), true, Urgency::kPreview};
  const Message new_form{std::make_shared<const std::string>(std::move(with_metadata)), true, Urgency::kPreview};
  for (const auto& box : receivers) box->post(box->wants_preview_metadata() ? new_form : old_form);
}

}  // namespace easel::server
