#include "server/events/event_hub.h"

#include <gtest/gtest.h>

#include <thread>

namespace easel::server {
namespace {

Message message(const std::string& text, Urgency urgency) {
  return {std::make_shared<const std::string>(text), false, urgency};
}

std::vector<std::string> drain(Mailbox& box) {
  std::vector<std::string> out;
  for (Message m; box.take(m);) out.push_back(*m.payload);
  return out;
}

TEST(Mailbox, KeepsOrderAndWakes) {
  int woken = 0;
  Mailbox box("a", [&] { ++woken; });
  for (const char* text : {"1", "2", "3"}) box.post(message(text, Urgency::kEssential));
  EXPECT_EQ(woken, 3);
  EXPECT_EQ(drain(box), (std::vector<std::string>{"1", "2", "3"}));
}

TEST(Mailbox, AGreetingComesFirst) {
  Mailbox box("a", [] {});
  box.post(message("event", Urgency::kEssential));
  box.post_first({"hello", "this runs"});
  EXPECT_EQ(drain(box), (std::vector<std::string>{"hello", "this runs", "event"}));
}

TEST(Mailbox, KeepsOnlyTheNewestPreviews) {
  Mailbox box("a", [] {});
  box.post(message("e", Urgency::kEssential));
  for (int i = 0; i < 100; ++i) box.post(message("p" + std::to_string(i), Urgency::kPreview));
  EXPECT_EQ(drain(box), (std::vector<std::string>{"e", "p98", "p99"}));
  box.post(message("p", Urgency::kPreview));
  EXPECT_EQ(drain(box).size(), 1u);
}

TEST(Mailbox, DropsProgressBeforeAnythingEssential) {
  Mailbox box("a", [] {});
  for (int i = 0; i < 1000; ++i) {
    box.post(message("progress", Urgency::kProgress));
    if (i % 2 == 0) box.post(message("e" + std::to_string(i), Urgency::kEssential));
  }
  const auto left = drain(box);
  int essential = 0;
  for (const auto& text : left) essential += text[0] == 'e';
  EXPECT_EQ(essential, 500);
  EXPECT_LE(left.size(), 500u);
  EXPECT_FALSE(box.overflowed());
}

TEST(Mailbox, GivesUpOnAClientThatIsTooFarBehind) {
  Mailbox box("a", [] {});
  const std::string big(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) box.post(message(big, Urgency::kEssential));
  EXPECT_FALSE(box.overflowed());
  box.post(message(big, Urgency::kEssential));
  EXPECT_TRUE(box.overflowed());
  EXPECT_TRUE(drain(box).empty());
  box.post(message("more", Urgency::kEssential));
  EXPECT_TRUE(drain(box).empty());
}

TEST(EventHub, SendsToTheClientItsWatchersOrAll) {
  EventHub hub;
  const auto none = [] {};
  const auto a = std::make_shared<Mailbox>("a", none), a2 = std::make_shared<Mailbox>("a", none),
             b = std::make_shared<Mailbox>("b", none), w = std::make_shared<Mailbox>("w", none, true);
  for (const auto& box : {a, a2, b, w}) hub.connect(box);
  hub.send(Recipients::client("a"), "for a");
  hub.send(Recipients::everybody(), "for all");
  hub.disconnect(a2);
  hub.send(Recipients::client("a"), "again");
  hub.send(Recipients::watchers(), "for watchers");
  EXPECT_EQ(hub.clients(), 3u);
  EXPECT_TRUE(hub.reaches_anybody(Recipients::client("nobody")));  // w watches all
  EXPECT_EQ(drain(*a), (std::vector<std::string>{"for a", "for all", "again"}));
  EXPECT_EQ(drain(*a2), (std::vector<std::string>{"for a", "for all"}));
  EXPECT_EQ(drain(*b), std::vector<std::string>{"for all"});
  EXPECT_EQ(drain(*w), (std::vector<std::string>{"for a", "for all", "again", "for watchers"}));
}

TEST(EventHub, PreviewsInTheFormThatWasAskedFor) {
  EventHub hub;
  const auto old_one = std::make_shared<Mailbox>("a", [] {}), new_one = std::make_shared<Mailbox>("a", [] {});
  new_one->set_wants_preview_metadata(true);
  hub.connect(old_one);
  hub.connect(new_one);
  hub.send_preview(Recipients::client("a"), {"plain", "with metadata"});
  EXPECT_EQ(drain(*old_one), std::vector<std::string>{"plain"});
  EXPECT_EQ(drain(*new_one), std::vector<std::string>{"with metadata"});
}

TEST(EventHub, FinishedPicturesGoToTheirClientAlone) {
  EventHub hub;
  const auto own = std::make_shared<Mailbox>("a", [] {}), other = std::make_shared<Mailbox>("b", [] {}),
             watcher = std::make_shared<Mailbox>(
                 "a", [] {}, /*watches_all=*/true);
  hub.connect(watcher);
  EXPECT_FALSE(hub.send_picture("a", {"lost", "lost"}));
  hub.connect(own);
  hub.connect(other);
  EXPECT_TRUE(hub.send_picture("a", {"plain", "described"}));
  EXPECT_EQ(drain(*own), std::vector<std::string>{"plain"});
  EXPECT_TRUE(drain(*other).empty());
  EXPECT_TRUE(drain(*watcher).empty());
  own->set_wants_preview_metadata(true);
  EXPECT_TRUE(hub.send_picture("a", {"plain", "described"}));
  EXPECT_EQ(drain(*own), std::vector<std::string>{"described"});
}

TEST(EventHub, ALargePictureIsTakenAndTooManyAreNot) {
  EventHub hub;
  const auto box = std::make_shared<Mailbox>("a", [] {});
  hub.connect(box);
  const std::string large(Mailbox::kPictureLimit + 1, 'x'), half(Mailbox::kPictureLimit / 2, 'y');
  EXPECT_TRUE(hub.send_picture("a", {large, {}}));
  EXPECT_FALSE(hub.send_picture("a", {half, {}}));
  hub.send(Recipients::client("a"), "executed");
  EXPECT_FALSE(box->overflowed());
  EXPECT_EQ(drain(*box).size(), 2u);
  EXPECT_TRUE(hub.send_picture("a", {half, {}}));
  EXPECT_TRUE(hub.send_picture("a", {half, {}}));
  EXPECT_FALSE(hub.send_picture("a", {half, {}}));
  EXPECT_FALSE(box->overflowed());
}

TEST(EventHub, ManyThreads) {
  EventHub hub;
  const auto box = std::make_shared<Mailbox>("a", [] {});
  hub.connect(box);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) hub.send(Recipients::client("a"), "x");
    });
  size_t got = 0;
  while (got < 2000) got += drain(*box).size();
  for (auto& t : threads) t.join();
  EXPECT_EQ(got, 2000u);
}

}  // namespace
}  // namespace easel::server
