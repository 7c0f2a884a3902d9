// The parts of a fleet by themselves: names in a database, messages on their way, who hears them, which models a prompt
// needs.
#include <gtest/gtest.h>

#include <algorithm>

#include "artifacts/artifact_store_cases.h"
#include "server/fleet/event_frames.h"
#include "server/fleet/fleet_models.h"
#include "server/fleet/front.h"
#include "server/fleet/link.h"
#include "server/fleet/model_identities.h"
#include "server/fleet/relay_hub.h"
#include "server/fleet/runner.h"
#include "server/fleet/site.h"
#include "server/jobs/open_job_store.h"
#include "server/postgres_server.h"
#include "server/test_server.h"

#ifdef EASEL_HAS_POSTGRES
#include "server/jobs/postgres/job_schema.h"
#endif

namespace easel::server {
namespace {

using easel::testing::TempFolder;
using testing::Json;
using testing::toy_prompt;

class NamesInADatabase : public ::testing::Test {
 protected:
  void SetUp() override {
    EASEL_NEEDS_POSTGRES();
    url_ = testing::shared_postgres().new_database();
    site_ = open();
  }
  std::unique_ptr<Site> open() {
    return open_site({.store = url_, .front_name = "front", .artifacts = folder_.path() / "contents", .cache = {}});
  }
  TempFolder folder_;
  std::string url_;
  std::unique_ptr<Site> site_;
};

TEST_F(NamesInADatabase, FindWhatIsPut) { artifacts::testing::finds_what_is_put(site_->artifacts()); }
TEST_F(NamesInADatabase, KeepOtherContentBeside) { artifacts::testing::keeps_other_content_beside(site_->artifacts()); }
TEST_F(NamesInADatabase, CountSavedFiles) { artifacts::testing::counts_saved_files(site_->artifacts()); }
TEST_F(NamesInADatabase, LoseNothingWhenManySave) {
  artifacts::testing::loses_nothing_when_many_save(site_->artifacts());
}
TEST_F(NamesInADatabase, ClearTemp) { artifacts::testing::clears_temp(site_->artifacts()); }

#ifdef EASEL_HAS_POSTGRES
TEST_F(NamesInADatabase, HaveTimesOfMicroseconds) {
  postgres::Connection database(url_);
  const auto now = [&] {
    return database.run("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").integer(0, 0);
  };
  const auto changed = [&] { return database.run("SELECT changed FROM artifacts").integer(0, 0); };
  const int64_t before = now();
  site_->artifacts().put({artifacts::Area::kInput, "", "a"}, "x", artifacts::IfTaken::kReplace);
  EXPECT_GE(changed(), before);
  EXPECT_LE(changed(), now());
  // Those of the first tables are milliseconds.
  site_.reset();
  const int64_t old = now() / 1000;
  database.script("UPDATE facts SET value = 1 WHERE name = 'version'; UPDATE artifacts SET changed = " +
                  std::to_string(old));
  site_ = open();
  EXPECT_EQ(changed(), old * 1000);
  EXPECT_EQ(database.run("SELECT value FROM facts WHERE name = 'version'").integer(0, 0), postgres::kSchemaVersion);
  EXPECT_EQ(site_->artifacts().list(artifacts::Area::kInput), std::vector<std::string>{"a"});
}
#endif

TEST_F(NamesInADatabase, FrontEndsAreKnownUntilTheyLeave) {
  FrontTable& fronts = site_->fronts();
  fronts.publish({.name = "a", .url = "http://a:1", .anybody = true, .watchers = false, .clients = {"x", "y\"z"}});
  fronts.publish({.name = "b", .url = "http://b:1", .clients = {}});
  const auto all = fronts.all();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].url, "http://a:1");
  EXPECT_EQ(all[0].clients, (std::set<std::string>{"x", "y\"z"}));
  EXPECT_TRUE(all[0].hears(Recipients::client("x")));
  EXPECT_FALSE(all[0].hears(Recipients::client("z")));
  EXPECT_FALSE(all[0].hears(Recipients::watchers()));
  EXPECT_TRUE(all[0].hears(Recipients::everybody()));
  EXPECT_FALSE(all[1].hears(Recipients::everybody()));
  fronts.leave("a");
  EXPECT_EQ(fronts.all().size(), 1u);
  const auto before = fronts.asked_to_free();
  fronts.ask_to_free(true, false);
  EXPECT_EQ(fronts.asked_to_free().models, before.models + 1);
  EXPECT_EQ(fronts.asked_to_free().results, before.results);
}

EventFrame text_frame(const std::string& text) {
  return {EventFrame::Kind::kText, Recipients::client("c"), Urgency::kEssential, text, {}};
}

TEST(EventFrames, ComeOutAsTheyWentIn) {
  const std::string described("\0\0\0\4\0\0\0\x13{\"prompt_id\":\"job\"}picture", 34);
  const std::vector<EventFrame> frames{
      text_frame(R"({"type":"executing","data":{"node":"3","prompt_id":"job"}})"),
      {EventFrame::Kind::kPreview, Recipients::everybody(), Urgency::kPreview, {}, {"plain", described}},
      {EventFrame::Kind::kText, Recipients::watchers(), Urgency::kProgress, "", {}}};
  const auto out = decode_frames(encode_frames(frames));
  ASSERT_EQ(out.size(), frames.size());
  EXPECT_EQ(out[0].text, frames[0].text);
  EXPECT_EQ(out[0].to.client_id, "c");
  EXPECT_EQ(out[1].picture.plain, "plain");
  EXPECT_EQ(out[1].picture.described, described);
  EXPECT_EQ(out[1].to.kind, Recipients::Kind::kEverybody);
  EXPECT_EQ(out[1].urgency, Urgency::kPreview);
  EXPECT_EQ(out[2].to.kind, Recipients::Kind::kWatchers);
  EXPECT_EQ(subject_of(out[0]).job, "job");
  EXPECT_EQ(subject_of(out[0]).node, "3");
  EXPECT_EQ(subject_of(out[1]).job, "job");
  EXPECT_FALSE(subject_of(out[1]).tells_node);
}

TEST(EventFrames, NothingElseIsTaken) {
  const std::string good = encode_frames({text_frame("{}")});
  EXPECT_EQ(decode_frames("").size(), 0u);
  for (size_t length = 1; length < good.size(); ++length)
    EXPECT_THROW(decode_frames(good.substr(0, length)), Error) << length;
  for (const size_t at : {size_t{0}, size_t{1}, size_t{2}, size_t{3}}) {
    std::string bad = good;
    bad[at] = '\x7f';
    EXPECT_THROW(decode_frames(bad), Error) << at;
  }
  std::string huge = good;
  huge[6] = '\xff';  // a length of nearly 4 GiB
  EXPECT_THROW(decode_frames(huge), Error);
  EXPECT_THROW(subject_of(text_frame("no JSON")), Error);
  EXPECT_THROW(subject_of(text_frame("[]")), Error);
  EXPECT_THROW(subject_of(text_frame(R"({"type":"x"})")), Error);
}

TEST(Links, AddressesAreChecked) {
  for (const char* good : {"http://a", "http://a:8188", "https://front.example.org", "http://[::1]:80"})
    EXPECT_NO_THROW(check_link_url(good)) << good;
  for (const char* bad :
       {"", "a:8188", "ftp://a", "http://", "http://a/b", "http://user@a", "http://a?x", "file:///etc"})
    EXPECT_THROW(check_link_url(bad), Error) << bad;
  EXPECT_THROW(check_machine_name(""), Error);
  EXPECT_THROW(check_machine_name("a b"), Error);
  EXPECT_THROW(check_machine_name(std::string(65, 'a')), Error);
  EXPECT_NO_THROW(check_machine_name(machine_name()));
}

TEST(FleetModels, AreThoseOfAllRunners) {
  const workflow::testing::ToyChoices own;
  const workflow::testing::ToyTable table;
  FleetChoices choices(own);
  RunnerInfo a, b, c;
  a.models = {{"checkpoints", "x.safetensors", "sha256:1"}, {"checkpoints", "sub/y.safetensors", ""}};
  b.models = {{"checkpoints", "x.safetensors", "sha256:2"}};
  c.models = {{"checkpoints", "x.safetensors", "sha256:2"}};
  choices.set_runners({a, b, c});
  const auto all = choices.choices("checkpoints");
  for (const char* name : {"sd15.safetensors", "sub/y.safetensors", "x.safetensors"})
    EXPECT_EQ(std::count(all.begin(), all.end(), name), 1) << name;
  const auto needs = [&](const char* file) {
    Json prompt = toy_prompt(1);
    prompt["1"]["inputs"]["file"] = file;
    return choices.needs(workflow::parse_prompt(prompt), table);
  };
  // Of different files under one name it is the one that most have.
  EXPECT_EQ(needs("x.safetensors"), (std::vector<ModelFile>{{"checkpoints", "x.safetensors", "sha256:2"}}));
  EXPECT_EQ(needs("sub\\y.safetensors"), (std::vector<ModelFile>{{"checkpoints", "sub/y.safetensors", ""}}));
  EXPECT_TRUE(needs("nobody has it.safetensors").empty());
  EXPECT_TRUE(choices.all_here(needs("sd15.safetensors")));
  EXPECT_FALSE(choices.all_here(needs("x.safetensors")));
}

TEST(ModelIdentities, AreKeptUntilTheFileChanges) {
  TempFolder folder;
  const auto file = folder.path() / "a.safetensors", list = folder.path() / "kept" / "identities.json";
  write_file(file, "abc");
  const std::atomic<bool> stop{false};
  {
    ModelIdentities identities(list);
    EXPECT_EQ(identities.known(file), "");
    EXPECT_TRUE(identities.learn(file, stop));
  }
  ModelIdentities identities(list);
  // echo -n abc | sha256sum
  EXPECT_EQ(identities.known(file), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  write_file(file, "other");
  EXPECT_EQ(identities.known(file), "");
  EXPECT_FALSE(identities.learn(folder.path() / "none", stop));
}

// The table of front ends, of which it keeps what one said last.
class OneFront final : public FrontTable {
 public:
  void publish(const FrontEnd& front) override {
    const MutexLock lock(mutex_);
    said_ = front;
  }
  void leave(const std::string&) override {}
  std::vector<FrontEnd> all() const override { return {}; }
  void ask_to_free(bool, bool) override {}
  Asked asked_to_free() const override { return {}; }
  FrontEnd said() const {
    const MutexLock lock(mutex_);
    return said_;
  }

 private:
  mutable Mutex mutex_;
  FrontEnd said_ EASEL_GUARDED_BY(mutex_);
};

// Clients come as soon as the server listens, which is before its front end starts. `./dev test --threads` sees more.
TEST(FrontEnds, TellOfClientsThatComeWhileTheyStart) {
  const auto store = open_job_store(":memory:");
  const workflow::testing::ToyChoices own;
  FleetChoices choices(own);
  EventHub hub;
  Delivery delivery;
  RelayHub relay(RelayOptions{});
  Metrics metrics;
  OneFront table;
  Front front({.name = "front"}, *store, table, choices, hub, delivery, relay, metrics);
  std::thread clients([&] {
    for (int i = 0; i < 100; ++i) {
      const auto box = std::make_shared<Mailbox>("passing", [] {});
      hub.connect(box);
      hub.disconnect(box);
    }
    hub.connect(std::make_shared<Mailbox>("stays", [] {}));
  });
  front.start("http://front:1");
  clients.join();
  // Well before it says everything anew.
  for (int i = 0; i < 200 && !table.said().clients.contains("stays"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(table.said().clients, std::set<std::string>{"stays"});
  front.stop();
}

TEST(EndMessages, AreTheLastOfTheHistory) {
  Job job;
  job.id = "job";
  job.state = JobState::kSuccess;
  job.messages = R"([["execution_start",{}],["execution_success",{"prompt_id":"job"}]])";
  EXPECT_EQ(Json::parse(end_message(job))["type"], "execution_success");
  // Set aside: nobody was left to write one.
  job.state = JobState::kFailed;
  job.messages = R"([])";
  job.failure = "it was set aside";
  const Json said = Json::parse(end_message(job));
  EXPECT_EQ(said["type"], "execution_error");
  EXPECT_EQ(said["data"]["exception_message"], "it was set aside");
  EXPECT_EQ(said["data"]["prompt_id"], "job");
}

}  // namespace
}  // namespace easel::server
