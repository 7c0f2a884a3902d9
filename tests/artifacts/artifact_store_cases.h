// What every artifact store promises, whether it keeps files under their names or names and contents apart.
#pragma once

#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "artifacts/artifact_store.h"
#include "base/atomic_file.h"
#include "base/error.h"

namespace easel::artifacts::testing {

inline std::string content(const ArtifactStore& store, const Name& name) { return read_file(store.get(name)); }

template <class Call>
Fault fault_of(const Call& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.fault();
  }
  ADD_FAILURE() << "no error";
  return Fault::kInternal;
}

// Until what is kept next is newer than what was kept: databases count milliseconds, and files the kernel's ticks.
inline void let_the_clock_move_on() {
  const auto now_ms = [] {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
  };
  for (const int64_t start = now_ms(); now_ms() <= start;) std::this_thread::sleep_for(std::chrono::microseconds(500));
}

// On an empty store.
inline void finds_what_is_put(ArtifactStore& store) {
  const Name name = store.put({Area::kInput, "x//y/.", "a.png"}, "1", IfTaken::kAnotherName);
  EXPECT_EQ(name, (Name{Area::kInput, "x/y", "a.png"}));
  EXPECT_EQ(content(store, name), "1");
  EXPECT_EQ(content(store, {Area::kInput, "", "x/y/a.png"}), "1");
  const auto found = store.find({Area::kInput, "x", "y/a.png"}, NameFrom::kUser);
  ASSERT_TRUE(found);
  EXPECT_EQ(read_file(*found), "1");
  EXPECT_EQ(fault_of([&] { store.get({Area::kOutput, "x/y", "a.png"}); }), Fault::kMissing);
  EXPECT_EQ(fault_of([&] { store.get({Area::kInput, "x", "y"}); }), Fault::kMissing);
  EXPECT_EQ(fault_of([&] { store.get({Area::kInput, "x/y", ""}); }), Fault::kInvalid);
  EXPECT_FALSE(store.find({Area::kInput, "", "no.png"}, NameFrom::kUser));
  EXPECT_FALSE(store.find({Area::kInput, "", ".hidden"}, NameFrom::kClient));
  for (const char* out : {"../a.png", "/etc/passwd", "a/../../b", "C:/a.png"})
    EXPECT_EQ(fault_of([&] { store.find({Area::kInput, "", out}, NameFrom::kUser); }), Fault::kInvalid) << out;
  for (const Name& bad : {Name{Area::kInput, "..", "a"},
                          {Area::kInput, "/etc", "passwd"},
                          {Area::kInput, "", "../a"},
                          {Area::kInput, "", "/etc/passwd"},
                          {Area::kInput, "\xFF", "a"}}) {
    EXPECT_EQ(fault_of([&] { store.get(bad); }), Fault::kInvalid);
    EXPECT_EQ(fault_of([&] { store.put(bad, "x", IfTaken::kReplace); }), Fault::kInvalid);
  }
  EXPECT_EQ(fault_of([&] { store.put({Area::kInput, "", "a/b"}, "x", IfTaken::kReplace); }), Fault::kInvalid);
  EXPECT_EQ(fault_of([&] { store.put({Area::kInput, "", ""}, "x", IfTaken::kReplace); }), Fault::kInvalid);
  EXPECT_EQ(fault_of([&] { store.put({Area::kInput, "", ".a"}, "x", IfTaken::kReplace); }), Fault::kMissing);
  store.remove(name);
  EXPECT_EQ(fault_of([&] { store.get(name); }), Fault::kMissing);
  store.remove(name);
}

inline void keeps_other_content_beside(ArtifactStore& store) {
  const auto put = [&](const std::string& what, IfTaken if_taken = IfTaken::kAnotherName) {
    return store.put({Area::kInput, "", "a.b.png"}, what, if_taken).file;
  };
  EXPECT_EQ(put("1"), "a.b.png");
  EXPECT_EQ(put("1"), "a.b.png");
  EXPECT_EQ(put("2"), "a.b (1).png");
  EXPECT_EQ(put("2"), "a.b (1).png");
  EXPECT_EQ(put("3", IfTaken::kReplace), "a.b.png");
  EXPECT_EQ(content(store, {Area::kInput, "", "a.b.png"}), "3");
  let_the_clock_move_on();
  EXPECT_EQ(put("1"), "a.b (2).png");
  EXPECT_EQ(store.bytes_used(Area::kInput), 3u);
  EXPECT_EQ(store.list(Area::kInput).front(), "a.b (2).png");
  EXPECT_TRUE(store.list(Area::kOutput).empty());
  // Those that follow each other as fast as they can are told apart; by their names they would be the other way round.
  std::vector<std::string> newest_first;
  for (char name = 'z'; name >= 'a'; --name) {
    store.put({Area::kOutput, "", std::string(1, name)}, "x", IfTaken::kReplace);
    newest_first.insert(newest_first.begin(), std::string(1, name));
  }
  EXPECT_EQ(store.list(Area::kOutput), newest_first);
}

inline void counts_saved_files(ArtifactStore& store) {
  const auto save = [&](const std::string& prefix) { return store.put_numbered(Area::kOutput, prefix, "png", "x"); };
  EXPECT_EQ(save("a"), (Name{Area::kOutput, "", "a_00001_.png"}));
  EXPECT_EQ(save("a").file, "a_00002_.png");
  EXPECT_EQ(save("b/c"), (Name{Area::kOutput, "b", "c_00001_.png"}));
  store.put({Area::kOutput, "", "a_00041_.png"}, "x", IfTaken::kReplace);
  EXPECT_EQ(save("a").file, "a_00042_.png");
  store.put({Area::kOutput, "", "new_00007_.jpg"}, "x", IfTaken::kReplace);
  EXPECT_EQ(save("new").file, "new_00008_.png");
  EXPECT_EQ(save("a_1").file, "a_1_00001_.png");  // "a" with the number 1 is another prefix
  EXPECT_EQ(content(store, save("a")), "x");
  EXPECT_EQ(fault_of([&] { save("../a"); }), Fault::kInvalid);
  EXPECT_EQ(fault_of([&] { save(""); }), Fault::kInvalid);
  EXPECT_EQ(fault_of([&] { store.check_prefix(Area::kOutput, ""); }), Fault::kInvalid);
}

inline void loses_nothing_when_many_save(ArtifactStore& store) {
  constexpr int kThreads = 8, kEach = 5;
  std::mutex mutex;
  std::set<std::string> numbered, named;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string what = std::to_string(t) + "-" + std::to_string(i);
        const Name saved = store.put_numbered(Area::kOutput, "many", "txt", what);
        const Name put = store.put({Area::kInput, "", "many.txt"}, what, IfTaken::kAnotherName);
        EXPECT_EQ(content(store, saved), what);
        EXPECT_EQ(content(store, put), what);
        const std::lock_guard lock(mutex);
        numbered.insert(saved.file);
        named.insert(put.file);
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(numbered.size(), size_t{kThreads * kEach});
  EXPECT_EQ(named.size(), size_t{kThreads * kEach});
}

inline void clears_temp(ArtifactStore& store) {
  const Name preview = store.put({Area::kTemp, "", "a.png"}, "x", IfTaken::kReplace);
  const Name saved = store.put({Area::kOutput, "", "a.png"}, "x", IfTaken::kReplace);
  store.clear_temp(3600);
  EXPECT_EQ(content(store, preview), "x");
  let_the_clock_move_on();
  store.clear_temp(0);
  EXPECT_EQ(fault_of([&] { store.get(preview); }), Fault::kMissing);
  EXPECT_EQ(content(store, saved), "x");
}

}  // namespace easel::artifacts::testing
