// A store of names and contents, with names in memory; and contents as files, shared or copied.
#include "artifacts/content_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "artifacts/artifact_store_cases.h"
#include "artifacts/blob_cache.h"
#include "artifacts/names_in_memory.h"
#include "support/temp_folder.h"

namespace easel::artifacts {
namespace {

namespace fs = std::filesystem;
using easel::testing::TempFolder;
using testing::content;
using testing::fault_of;

class Contents : public ::testing::Test {
 protected:
  TempFolder folder_;
  testing::NamesInMemory names_;
  FolderBlobs blobs_{folder_.path() / "contents"};
  ContentStore store_{names_, blobs_, /*keep_blobs=*/true};
};

TEST_F(Contents, FindsWhatIsPut) { testing::finds_what_is_put(store_); }
TEST_F(Contents, KeepsOtherContentBeside) { testing::keeps_other_content_beside(store_); }
TEST_F(Contents, CountsSavedFiles) { testing::counts_saved_files(store_); }
TEST_F(Contents, LosesNothingWhenManySave) { testing::loses_nothing_when_many_save(store_); }
TEST_F(Contents, ClearsTemp) { testing::clears_temp(store_); }

// echo -n abc | sha256sum
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST_F(Contents, AreKeptOnceUnderTheirSha256) {
  store_.put({Area::kInput, "", "a.txt"}, "abc", IfTaken::kReplace);
  store_.put({Area::kOutput, "x", "b.txt"}, "abc", IfTaken::kReplace);
  EXPECT_EQ(store_.get({Area::kInput, "", "a.txt"}), folder_.path() / "contents" / "ba" / kAbc);
  EXPECT_EQ(blobs_.entries().size(), 1u);
  EXPECT_FALSE(is_sha256("../../../../etc/passwd"));
  EXPECT_EQ(fault_of([&] { blobs_.path_of("../x"); }), Fault::kInvalid);
  // Cut short on the disk: it counts as absent, and is written again.
  fs::resize_file(blobs_.path_of(kAbc), 2);
  EXPECT_EQ(fault_of([&] { store_.get({Area::kInput, "", "a.txt"}); }), Fault::kMissing);
  store_.put({Area::kInput, "", "c.txt"}, "abc", IfTaken::kReplace);
  EXPECT_EQ(content(store_, {Area::kInput, "", "a.txt"}), "abc");
}

void make_old(const fs::path& file) {
  fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(2));
}

TEST_F(Contents, AreSweptWhenNoNameHasThemAnyMore) {
  const Name kept = store_.put({Area::kOutput, "", "kept"}, "kept", IfTaken::kReplace);
  const Name gone = store_.put({Area::kOutput, "", "gone"}, "gone", IfTaken::kReplace);
  const fs::path kept_file = store_.get(kept), gone_file = store_.get(gone);
  store_.remove(gone);
  store_.clear_temp(0);
  EXPECT_TRUE(fs::exists(gone_file)) << "its name might still follow";
  make_old(kept_file);
  make_old(gone_file);
  store_.clear_temp(0);
  EXPECT_TRUE(fs::exists(kept_file));
  EXPECT_FALSE(fs::exists(gone_file));
}

// Somebody puts the content again at the moment when it is found to have no name.
TEST_F(Contents, AreNotSweptWhileTheyArePutAgain) {
  const Blob blob = blobs_.put("again");
  make_old(blobs_.path_of(blob.sha256));
  blobs_.sweep(3600, [&](const std::vector<std::string>& asked) {
    blobs_.put("again");
    return asked;
  });
  EXPECT_EQ(read_file(blobs_.get(blob)), "again");
}

// What another machine keeps.
struct Elsewhere final : RemoteBlobs {
  void send(const Blob& blob, std::string_view what) override { kept[blob.sha256] = what; }
  std::string fetch(const Blob& blob) override {
    ++fetches;
    if (!kept.contains(blob.sha256)) throw Error(Fault::kMissing, "not there");
    check_blob(blob, kept[blob.sha256], "elsewhere");
    return kept[blob.sha256];
  }
  std::map<std::string, std::string> kept;
  int fetches = 0;
};

TEST_F(Contents, AreFetchedOnceAndKeptIfTheyAreRight) {
  Elsewhere elsewhere;
  CachedBlobs cache(folder_.path() / "cache", 1 << 20, elsewhere);
  const Blob blob = blob_of("abc");
  elsewhere.kept[blob.sha256] = "abc";
  EXPECT_EQ(read_file(cache.get(blob)), "abc");
  EXPECT_EQ(read_file(cache.get(blob)), "abc");
  EXPECT_EQ(elsewhere.fetches, 1);
  const Blob other = blob_of("def");
  elsewhere.kept[other.sha256] = "deX";
  EXPECT_EQ(fault_of([&] { cache.get(other); }), Fault::kBadFile);
  EXPECT_FALSE(fs::exists(folder_.path() / "cache" / other.sha256.substr(0, 2) / other.sha256));
  EXPECT_EQ(fault_of([&] { cache.get(blob_of("nowhere")); }), Fault::kMissing);
  EXPECT_EQ(elsewhere.kept[cache.put("mine").sha256], "mine");
}

TEST_F(Contents, CopiesStayWithinTheirBound) {
  Elsewhere elsewhere;
  const auto grace = std::chrono::seconds(0);
  const std::string big(1000, 'x');
  Blob first, last;
  {
    CachedBlobs cache(folder_.path() / "cache", 2500, elsewhere, grace);
    first = cache.put(big + "1");
    cache.put(big + "2");
    cache.get(first);  // used last
    last = cache.put(big + "3");
    EXPECT_LE(cache.bytes(), 2500u);
    EXPECT_EQ(read_file(cache.get(first)), big + "1");
    EXPECT_EQ(elsewhere.fetches, 0) << "what was used last is here";
    EXPECT_EQ(read_file(cache.get(blob_of(big + "2"))), big + "2");
    EXPECT_EQ(elsewhere.fetches, 1);
  }
  // What an earlier process left counts.
  CachedBlobs cache(folder_.path() / "cache", 2500, elsewhere, grace);
  EXPECT_GT(cache.bytes(), 2000u);
  cache.put(big + "4");
  EXPECT_LE(cache.bytes(), 2500u);
  // One that somebody may be about to open stays.
  CachedBlobs patient(folder_.path() / "other", 500, elsewhere, std::chrono::hours(1));
  const Blob a = patient.put(big + "a");
  patient.put(big + "b");
  EXPECT_TRUE(fs::exists(folder_.path() / "other" / a.sha256.substr(0, 2) / a.sha256));
}

}  // namespace
}  // namespace easel::artifacts
