#include "server/jobs/kept_plans.h"

#include <gtest/gtest.h>

#include <utility>

namespace easel::server {
namespace {

Job job(std::string id, std::string prompt = "{}", std::string targets = "[]") {
  Job out;
  out.id = std::move(id);
  out.prompt = std::move(prompt);
  out.targets = std::move(targets);
  return out;
}

engine::Plan plan(const std::string& node) {
  engine::Plan out;
  out.order = {node};
  return out;
}

// The first node of the plan that is kept for the job, or "".
std::string taken(KeptPlans& plans, const Job& of) {
  const auto plan = plans.take(of);
  return plan ? plan->order.at(0) : "";
}

TEST(KeptPlans, AreGivenAwayOnce) {
  KeptPlans plans;
  plans.keep(job("a"), plan("1"));
  plans.keep(job("b"), plan("2"));
  EXPECT_EQ(taken(plans, job("a")), "1");
  EXPECT_EQ(taken(plans, job("a")), "");
  plans.drop({"b", "nobody"});
  EXPECT_EQ(taken(plans, job("b")), "");
}

// An id that was given twice, or a job that was changed in the store: the plan is that of another prompt.
TEST(KeptPlans, AreForTheirPromptAndTargetsOnly) {
  KeptPlans plans;
  plans.keep(job("a", "{1}"), plan("1"));
  EXPECT_EQ(taken(plans, job("a", "{2}")), "");
  plans.keep(job("a", "{}", R"(["5"])"), plan("1"));
  EXPECT_EQ(taken(plans, job("a", "{}", R"(["6"])")), "");
  plans.keep(job("a", "{1}"), plan("1"));
  plans.keep(job("a", "{2}"), plan("2"));
  EXPECT_EQ(taken(plans, job("a", "{2}")), "2");
}

TEST(KeptPlans, AreBoundedInNumberAndBytes) {
  KeptPlans plans({.plans = 2, .prompt_bytes = 10});
  for (const char* id : {"a", "b", "c"}) plans.keep(job(id, "1234"), plan(id));
  EXPECT_EQ(plans.ids(), (std::vector<std::string>{"a", "b"}));  // those that run first
  EXPECT_EQ(taken(plans, job("a", "1234")), "a");
  plans.keep(job("d", "1234567"), plan("d"));  // 11 bytes would be too many
  EXPECT_EQ(plans.ids(), std::vector<std::string>{"b"});
  plans.keep(job("d", "123456"), plan("d"));
  EXPECT_EQ(plans.ids(), (std::vector<std::string>{"b", "d"}));
  plans.drop({"b", "d"});
  plans.keep(job("e", "1234567890"), plan("e"));  // all room is free again
  EXPECT_EQ(plans.ids(), std::vector<std::string>{"e"});
}

}  // namespace
}  // namespace easel::server
