#include <gtest/gtest.h>

#include "models/handles.h"
#include "nodes/common/link_types.h"
#include "run_node.h"

namespace easel::nodes {
namespace {

models::ControlNetHandle told(int64_t kinds, const char* type) {
  models::ControlNetHandle net;
  net.file = "union.safetensors";
  net.hint_kinds = kinds;
  return run_node("SetUnionControlNetType", {{"type", std::string(type)}},
                  {{"control_net", computed<models::ControlNetHandle>(net)}})
      .as<models::ControlNetHandle>();
}

TEST(SetUnionControlNetType, TellsTheNetwork) {
  EXPECT_EQ(told(8, "auto").hint_kind, -1);
  EXPECT_EQ(told(8, "openpose").hint_kind, 0);
  EXPECT_EQ(told(6, "canny/lineart/anime_lineart/mlsd").hint_kind, 3);
  EXPECT_EQ(told(8, "repaint").hint_kind, 7);
  EXPECT_EQ(told(0, "depth").hint_kind, -1) << "an ordinary network takes no notice";
}

TEST(SetUnionControlNetType, RefusesAKindTheNetworkDoesNotKnow) {
  try {
    told(6, "tile");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMismatch);
    EXPECT_EQ(e.input(), "type");
    EXPECT_NE(e.message().find("union.safetensors knows 6 kinds"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace easel::nodes
