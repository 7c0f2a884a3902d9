#include <gtest/gtest.h>

#include "models/folders.h"
#include "models/handles.h"
#include "models/resident.h"
#include "nodes/table.h"

namespace easel::nodes {
namespace {

models::ControlNetHandle told(int64_t kinds, const char* type) {
  const models::Folders folders;
  models::Residency residency;
  ModelFiles files;
  Context context{folders, residency, files};
  models::ControlNetHandle net;
  net.file = "union.safetensors";
  net.hint_kinds = kinds;
  const workflow::NodeSpec* spec = Table::standard().find("SetUnionControlNetType", {});
  Call call(context, *spec, "1", {{{"type", std::string(type)}}, {{"control_net", Value("CONTROL_NET", net)}}});
  return Table::standard().entry(*spec).node.run(call).at(0).as<models::ControlNetHandle>();
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
