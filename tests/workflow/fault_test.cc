#include "workflow/fault.h"

#include <gtest/gtest.h>

#include <set>

namespace easel::workflow {
namespace {

TEST(Fault, CodesHaveNamesThatLeadBackToThem) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(FaultCode::kInternal); ++i) {
    const auto code = static_cast<FaultCode>(i);
    EXPECT_TRUE(names.insert(code_name(code)).second) << code_name(code);
    EXPECT_EQ(code_named(code_name(code)), code);
  }
  EXPECT_EQ(code_named("no such"), std::nullopt);
}

// What a node throws when it is looked at keeps its kind, and with it its exit code.
TEST(Fault, KindsOfErrorsAreKept) {
  for (const Fault fault : {Fault::kMissing, Fault::kBadFile, Fault::kMismatch, Fault::kUnsupported, Fault::kMemory,
                            Fault::kInvalid, Fault::kInternal})
    EXPECT_EQ(fault_of(code_of(fault)), fault) << fault_name(fault);
}

TEST(Fault, IsToldInComfyUisFormWithMoreBesideIt) {
  const NodeFault fault{.code = FaultCode::kNotAChoice,
                        .input = "sampler",
                        .message = "Value not in list",
                        .details = "sampler: 'oiler' not in ['euler']; did you mean 'euler'?",
                        .hint = "did you mean 'euler'?",
                        .about = {{"received_value", "oiler"}}};
  EXPECT_EQ(to_json(fault), parse_json(R"({
      "type": "value_not_in_list",
      "message": "Value not in list",
      "details": "sampler: 'oiler' not in ['euler']; did you mean 'euler'?",
      "extra_info": {"received_value": "oiler", "code": "not_a_choice", "fault": "invalid", "input_name": "sampler",
                     "hint": "did you mean 'euler'?"}})"));
  // A class that is not there is called otherwise where the prompt as a whole is spoken of.
  EXPECT_EQ(to_json(NodeFault{.code = FaultCode::kUnknownClass})["type"], "missing_node_type");
  EXPECT_EQ(to_json(PromptFault{.code = FaultCode::kUnknownClass})["type"], "invalid_prompt");
}

TEST(Fault, InWordsNodesSpeakForThemselves) {
  EXPECT_EQ(in_words({.code = FaultCode::kTooSmall, .message = "Value 0 smaller than min of 1", .details = "steps"}),
            "Value 0 smaller than min of 1: steps");
  EXPECT_EQ(in_words({.code = FaultCode::kMismatch, .message = "Custom validation failed", .details = "model - odd"}),
            "model - odd");
}

}  // namespace
}  // namespace easel::workflow
