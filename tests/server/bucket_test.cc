// Contents of pictures in a bucket: what is signed is checked by a store of objects of the tests' own.
#include "server/fleet/contents/bucket.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "artifacts/artifact_store_cases.h"
#include "artifacts/blob_cache.h"
#include "artifacts/content_store.h"
#include "artifacts/names_in_memory.h"
#include "base/cancel.h"
#include "server/log.h"
#include "server/s3_server.h"
#include "server/waiting.h"
#include "support/temp_folder.h"

namespace easel::server {
namespace {

using artifacts::Blob;
using artifacts::blob_of;
using artifacts::testing::fault_of;
using std::chrono::milliseconds;
using testing::S3Server;
using testing::seconds_since;

constexpr int kHour = 3600;

// The examples of AWS's own description, with its key: what checks the signatures of libcurl is right.
TEST(AwsSignatures, AreThoseOfTheirDescription) {
  const std::string empty = blob_of("").sha256, scope = "20130524/us-east-1/s3/aws4_request";
  const std::string secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", host = "examplebucket.s3.amazonaws.com";
  const std::string date = "20130524T000000Z";
  EXPECT_EQ(testing::aws_signature(
                {"GET",
                 "/test.txt",
                 "",
                 {{"host", host}, {"range", "bytes=0-9"}, {"x-amz-content-sha256", empty}, {"x-amz-date", date}}},
                "host;range;x-amz-content-sha256;x-amz-date", scope, secret),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(testing::aws_signature({"PUT",
                                    "/test%24file.text",
                                    "",
                                    {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                     {"host", host},
                                     {"x-amz-content-sha256", blob_of("Welcome to Amazon S3.").sha256},
                                     {"x-amz-date", date},
                                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}},
                                   "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", scope, secret),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  const std::string three = "host;x-amz-content-sha256;x-amz-date";
  const auto get = [&](const std::string& query) {
    return testing::aws_signature(
        {"GET", "/", query, {{"host", host}, {"x-amz-content-sha256", empty}, {"x-amz-date", date}}}, three, scope,
        secret);
  };
  EXPECT_EQ(get("lifecycle"), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(get("prefix=J&max-keys=2"), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

BucketOptions options_of(const std::string& place, const std::map<std::string, std::string>& variables) {
  return bucket_options(place, [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(BucketOptions, ComeFromTheAddressAndTheEnvironment) {
  EXPECT_TRUE(is_bucket("s3://a"));
  for (const char* folder : {"", "/mnt/pictures", "s3", "S3://a"}) EXPECT_FALSE(is_bucket(folder)) << folder;
  std::map<std::string, std::string> variables{{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "secret"}};
  BucketOptions out = options_of("s3://pictures", variables);
  EXPECT_EQ(out.bucket, "pictures");
  EXPECT_EQ(out.prefix, "");
  EXPECT_EQ(out.key.region, "us-east-1");
  EXPECT_EQ(out.endpoint, "https://s3.us-east-1.amazonaws.com");
  variables["AWS_DEFAULT_REGION"] = "eu-central-1";
  variables["AWS_SESSION_TOKEN"] = "token";
  out = options_of("s3://pictures/studio/easel/", variables);
  EXPECT_EQ(out.prefix, "studio/easel");
  EXPECT_EQ(out.endpoint, "https://s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(out.key.id, "id");
  EXPECT_EQ(out.key.secret, "secret");
  EXPECT_EQ(out.key.session_token, "token");
  variables["AWS_REGION"] = "garage";
  variables["AWS_ENDPOINT_URL"] = "http://minio:9000/";
  out = options_of("s3://pictures", variables);
  EXPECT_EQ(out.key.region, "garage");
  EXPECT_EQ(out.endpoint, "http://minio:9000");

  for (const char* bad : {"s3://", "s3://ab", "s3://Pictures", "s3://pictures/../x", "s3://pictures/a b",
                          "s3://pictures//a", "s3://pictures/a?b", "s3://user@pictures", "s3://pictures/a%2Fb"})
    EXPECT_EQ(fault_of([&] { options_of(bad, variables); }), Fault::kUsage) << bad;
  for (const auto& [name, value] : std::map<std::string, std::string>{{"AWS_ENDPOINT_URL", "minio:9000"},
                                                                      {"AWS_ENDPOINT_URL_S3", "http://a/b"},
                                                                      {"AWS_REGION", "eu:1"},
                                                                      {"AWS_ACCESS_KEY_ID", ""},
                                                                      {"AWS_SECRET_ACCESS_KEY", "se\ncret"}}) {
    auto changed = variables;
    changed[name] = value;
    try {
      options_of("s3://pictures", changed);
      ADD_FAILURE() << name;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kUsage);
      const std::string said = e.what();
      EXPECT_NE(said.find("AWS_"), std::string::npos) << said;
      EXPECT_EQ(said.find("cret"), std::string::npos) << said;
    }
  }
}

class Buckets : public ::testing::Test {
 protected:
  Buckets() { configure_log(Level::kError, false); }
  static std::string name_of(const std::string& content, const std::string& before = "") {
    const std::string sha256 = blob_of(content).sha256;
    return before + sha256.substr(0, 2) + "/" + sha256;
  }
  static std::string apart(const std::string& content) { return "apart/" + blob_of(content).sha256; }
  int requests_with(const std::string& method) const {
    const auto all = store_.requests();
    return static_cast<int>(
        std::count_if(all.begin(), all.end(), [&](const auto& r) { return r.starts_with(method); }));
  }
  // What check() says, with the options changed.
  template <class Change>
  std::pair<Fault, std::string> refused(const Change& change, bool lists = true) {
    BucketOptions options = store_.client();
    change(options);
    try {
      BucketBlobs(options).check(lists);
    } catch (const Error& e) {
      EXPECT_EQ(std::string(e.what()).find(options.key.secret), std::string::npos) << e.what();
      return {e.fault(), e.what()};
    }
    ADD_FAILURE() << "no error";
    return {};
  }

  easel::testing::TempFolder folder_;
  S3Server store_;
};

// The suite that every store of artifacts passes.
class Bucket : public Buckets {
 protected:
  BucketBlobs bucket_{store_.client("a/b")};
  artifacts::CachedBlobs copies_{folder_.path() / "copies", 1 << 20, bucket_};
  artifacts::testing::NamesInMemory names_;
  artifacts::ContentStore artifacts_{names_, copies_, /*keep_blobs=*/true};
};

TEST_F(Bucket, FindsWhatIsPut) { artifacts::testing::finds_what_is_put(artifacts_); }
TEST_F(Bucket, KeepsOtherContentBeside) { artifacts::testing::keeps_other_content_beside(artifacts_); }
TEST_F(Bucket, CountsSavedFiles) { artifacts::testing::counts_saved_files(artifacts_); }
TEST_F(Bucket, LosesNothingWhenManySave) { artifacts::testing::loses_nothing_when_many_save(artifacts_); }
TEST_F(Bucket, ClearsTemp) { artifacts::testing::clears_temp(artifacts_); }

TEST_F(Bucket, HasContentsUnderTheirSha256ForEveryMachine) {
  const std::string picture(300'000, 'p');
  const artifacts::Name name = artifacts_.put_numbered(artifacts::Area::kOutput, "a", "png", picture);
  EXPECT_EQ(store_.objects().at(name_of(picture, "a/b/")).content, picture);
  EXPECT_EQ(store_.objects().size(), 1u);
  // Another machine, with the same names.
  BucketBlobs bucket(store_.client("a/b"));
  artifacts::CachedBlobs copies(folder_.path() / "others", 1 << 20, bucket);
  const artifacts::ContentStore other(names_, copies, true);
  EXPECT_EQ(artifacts::testing::content(other, name), picture);
  EXPECT_EQ(artifacts::testing::content(other, name), picture);
  EXPECT_EQ(requests_with("GET"), 1) << "a copy is kept";
}

TEST_F(Bucket, ContentsAreCheckedWhenTheyAreRead) {
  const Blob blob = blob_of("a picture");
  bucket_.send(blob, "a picture");
  EXPECT_EQ(bucket_.fetch(blob), "a picture");
  for (const char* wrong : {"a Picture", "a pic", "a picture and more", ""}) {
    store_.set(name_of("a picture", "a/b/"), wrong);
    EXPECT_EQ(fault_of([&] { copies_.get(blob); }), Fault::kBadFile) << wrong;
    EXPECT_FALSE(std::filesystem::exists(folder_.path() / "copies" / name_of("a picture")));
  }
  EXPECT_EQ(fault_of([&] { bucket_.fetch(blob_of("nowhere")); }), Fault::kMissing);
  EXPECT_EQ(fault_of([&] { bucket_.send(blob, "something else"); }), Fault::kMissing) << "the store checks it as well";
}

TEST_F(Buckets, AreTriedAgainWhileTheStoreIsInTrouble) {
  BucketBlobs bucket(store_.client());
  const std::string content(100'000, 'x');
  const Blob blob = blob_of(content);
  const std::vector<S3Server::Trouble> troubles{S3Server::refuse(500, "InternalError"),
                                                S3Server::refuse(503, "SlowDown"), store_.cut(),
                                                S3Server::refuse(400, "RequestTimeout")};
  store_.next(troubles);
  bucket.send(blob, content);
  EXPECT_EQ(requests_with("PUT"), 5);
  EXPECT_EQ(store_.objects().at(name_of(content)).content, content);
  store_.next(troubles);
  EXPECT_EQ(bucket.fetch(blob), content);
  EXPECT_EQ(requests_with("GET"), 5);
  store_.next({S3Server::slow(milliseconds(1500))});
  EXPECT_EQ(bucket.fetch(blob), content);
  // What waiting does not mend is said at once.
  store_.next({S3Server::refuse(403, "AccessDenied")});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(fault_of([&] { bucket.send(blob, content); }), Fault::kUsage);
  EXPECT_LT(seconds_since(start), 5);
}

TEST_F(Buckets, AreGivenUpAfterAWhileOrWhenTheJobIsCancelled) {
  BucketOptions options = store_.client();
  options.patience = milliseconds(700);
  BucketBlobs bucket(options);
  store_.next(std::vector<S3Server::Trouble>(20, S3Server::refuse(503, "SlowDown")));
  try {
    bucket.send(blob_of("x"), "x");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMissing);
    EXPECT_NE(std::string(e.what()).find("503, SlowDown"), std::string::npos) << e.what();
  }
  EXPECT_GE(requests_with("PUT"), 2);
  EXPECT_LE(requests_with("PUT"), 4) << "with pauses that grow";

  options.patience = std::chrono::minutes(2);
  BucketBlobs patient(options);
  const CancelToken cancel;
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(300));
    cancel.cancel();
  });
  const CancelScope scope(cancel);
  EXPECT_EQ(fault_of([&] { patient.send(blob_of("x"), "x"); }), Fault::kCancelled);
  later.join();
}

TEST_F(Buckets, SayAtTheStartWhatIsWrong) {
  BucketBlobs(store_.client("p")).check(true);
  store_.may_list = false;
  BucketBlobs(store_.client("p")).check(false);
  const auto expect = [](const std::pair<Fault, std::string>& said, Fault fault, const std::string& text) {
    EXPECT_EQ(said.first, fault) << said.second;
    EXPECT_NE(said.second.find(text), std::string::npos) << said.second;
  };
  expect(refused([](BucketOptions&) {}), Fault::kUsage, "may not list the bucket pictures");
  expect(refused([](BucketOptions& o) { o.key.id = "SOMEBODY"; }), Fault::kUsage,
         "does not know the key in AWS_ACCESS_KEY_ID");
  expect(refused([](BucketOptions& o) { o.key.secret = "another"; }), Fault::kUsage,
         "AWS_SECRET_ACCESS_KEY is not its secret");
  expect(refused([](BucketOptions& o) { o.bucket = "elsewhere"; }), Fault::kMissing, "has no bucket elsewhere");
  expect(refused([](BucketOptions& o) { o.key.region = "us-east-1"; }), Fault::kUsage, "not in the region us-east-1");
  expect(refused([](BucketOptions& o) { o.key.session_token = "old"; }), Fault::kUsage, "AWS_SESSION_TOKEN");
  store_.next({S3Server::refuse(403, "AccessDenied")});
  expect(refused([](BucketOptions&) {}), Fault::kUsage, "may not write into the bucket pictures");
  const auto denied = S3Server::refuse(403, "AccessDenied");
  store_.next({S3Server::slow(milliseconds(0)), denied, denied, denied});
  expect(refused([](BucketOptions&) {}), Fault::kUsage, "may not read from the bucket pictures");
  store_.next({S3Server::refuse(403, "RequestTimeTooSkewed")});
  expect(refused([](BucketOptions&) {}), Fault::kUsage, "the clock of this machine is wrong");
  store_.next({S3Server::refuse(418, "Odd\n\x1b[31m")});
  expect(refused([](BucketOptions&) {}), Fault::kMissing, "answers with status 418, Odd  [31m: said by the tests");
  const auto start = std::chrono::steady_clock::now();
  expect(refused([](BucketOptions& o) { o.endpoint = "http://127.0.0.1:1"; }), Fault::kMissing,
         "cannot talk to the store at http://127.0.0.1:1");
  EXPECT_LT(seconds_since(start), 10) << "a start does not wait for long";
}

TEST(BucketKeys, MayBeGoodForAWhileOnly) {
  S3Server store;
  store.session_token = "token/of+the=session";
  BucketBlobs bucket(store.client());
  bucket.check(true);
  bucket.send(blob_of("x"), "x");
  EXPECT_EQ(bucket.fetch(blob_of("x")), "x");
}

// The names that there are, by the contents.
struct Named {
  std::vector<std::string> contents;
  std::vector<std::string> operator()(std::vector<std::string> sha256s) const {
    std::erase_if(sha256s, [&](const std::string& sha256) {
      return std::any_of(contents.begin(), contents.end(), [&](const auto& c) { return blob_of(c).sha256 == sha256; });
    });
    return sha256s;
  }
};

TEST_F(Buckets, AreSweptOfWhatHasNoName) {
  store_.most_listed = 2;  // in pages
  BucketBlobs bucket(store_.client());
  for (const char* content : {"kept", "gone", "new", "also kept", "also gone"}) bucket.send(blob_of(content), content);
  store_.set("notes.txt", "somebody else's");
  store_.set("ab/" + blob_of("gone").sha256, "somebody else's as well");
  for (const auto& [key, object] : store_.objects())
    if (key != name_of("new")) store_.make_older(key, kHour + 60);
  const Named named{{"kept", "also kept"}};
  bucket.sweep(kHour, named);
  const auto keys = [&] {
    std::vector<std::string> out;
    for (const auto& [key, object] : store_.objects()) out.push_back(key);
    return out;
  };
  std::vector<std::string> left{name_of("kept"), name_of("also kept"), name_of("new"), "notes.txt",
                                "ab/" + blob_of("gone").sha256};
  const std::vector<std::string> for_good = left;
  left.push_back(apart("gone"));
  left.push_back(apart("also gone"));
  std::sort(left.begin(), left.end());
  EXPECT_EQ(keys(), left);
  // What is set apart is still found, and stays for as long again.
  EXPECT_EQ(bucket.fetch(blob_of("gone")), "gone");
  store_.next({S3Server::refuse(403, "AccessDenied")});  // who may not list is told so of what is not there
  EXPECT_EQ(bucket.fetch(blob_of("gone")), "gone");
  bucket.sweep(kHour, named);
  EXPECT_EQ(keys(), left);
  store_.make_older(apart("gone"), kHour + 60);
  store_.make_older(apart("also gone"), kHour + 60);
  bucket.sweep(kHour, named);
  left = for_good;
  std::sort(left.begin(), left.end());
  EXPECT_EQ(keys(), left);
  EXPECT_EQ(fault_of([&] { bucket.fetch(blob_of("gone")); }), Fault::kMissing);
}

// Somebody writes the content at the moment when it is found to have no name, and names it afterwards.
TEST_F(Buckets, LoseNothingThatIsWrittenWhileTheyAreSwept) {
  BucketBlobs bucket(store_.client());
  const Blob blob = blob_of("again");
  bucket.send(blob, "again");
  store_.make_older(name_of("again"), kHour + 60);
  bucket.sweep(kHour, [&](const std::vector<std::string>& asked) {
    bucket.send(blob, "again");
    return asked;
  });
  EXPECT_FALSE(store_.objects().contains(name_of("again")));
  EXPECT_EQ(bucket.fetch(blob), "again");
  store_.make_older(apart("again"), kHour + 60);
  bucket.sweep(kHour, Named{{"again"}});
  EXPECT_TRUE(store_.objects().contains(name_of("again"))) << "it is put back";
  EXPECT_FALSE(store_.objects().contains(apart("again")));
  EXPECT_EQ(bucket.fetch(blob), "again");
}

TEST_F(Buckets, AreNotSweptWhileTheStoreIsInTrouble) {
  BucketBlobs bucket(store_.client());
  bucket.send(blob_of("x"), "x");
  store_.make_older(name_of("x"), kHour + 60);
  // Copying fails, at once and behind status 200; then removing does.
  for (const S3Server::Trouble& trouble :
       {S3Server::refuse(500, "InternalError"), S3Server::refuse(200, "InternalError")}) {
    store_.next({S3Server::slow(milliseconds(0)), trouble});
    bucket.sweep(kHour, Named{});
    EXPECT_EQ(bucket.fetch(blob_of("x")), "x");
    EXPECT_TRUE(store_.objects().contains(name_of("x")));
  }
  store_.next({S3Server::refuse(500, "InternalError")});
  bucket.sweep(kHour, Named{});
  EXPECT_TRUE(store_.objects().contains(name_of("x")));
  bucket.sweep(kHour, Named{});
  EXPECT_TRUE(store_.objects().contains(apart("x")));
}

}  // namespace
}  // namespace easel::server
