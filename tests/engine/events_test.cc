#include "engine/events.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace easel::engine {
namespace {

using workflow::Json;

std::vector<RunEvent> one_of_each() {
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  return {NodesReused{{"1", "2"}},
          NodeStarted{"3", "KSampler"},
          SamplingStarted{"3"},
          NodeProgress{"3", 1, 20, {}},
          NodeProgress{"3", 2, 20, {2, 1, {0, 1, 2, 253, 254, 255}}},
          PictureFinished{"4", 0, 1, "image/png", every_byte},
          NodeWarning{"4", "the picture is cropped"},
          NodeDetail{"4", "3 tensors are not used"},
          NodeFinished{{"4", "SaveImage", false, "it has not run before", 0.25, 1024},
                       {{"images", {{"a_00001_.png", "sub", "output"}, {"", "", "output", "image/png"}}}}},
          NodeFinished{{"5", "Note", true, "", 0, 0}, {}}};
}

TEST(RunEvents, ComeBackFromTextAsTheyWere) {
  for (const RunEvent& event : one_of_each()) {
    const std::string text = workflow::dump_json(to_json(event));
    const RunEvent back = run_event(workflow::parse_json(text));
    EXPECT_EQ(back.index(), event.index()) << text;
    EXPECT_EQ(workflow::dump_json(to_json(back)), text);
  }
  const auto events = one_of_each();
  const auto preview = std::get<NodeProgress>(run_event(to_json(events[4]))).preview;
  EXPECT_EQ(preview.width, 2);
  EXPECT_EQ(preview.rgb, (std::vector<uint8_t>{0, 1, 2, 253, 254, 255}));
  EXPECT_EQ(std::get<PictureFinished>(run_event(to_json(events[5]))).data, std::get<PictureFinished>(events[5]).data);
  const auto finished = std::get<NodeFinished>(run_event(to_json(events[8])));
  EXPECT_EQ(finished.report.why, "it has not run before");
  EXPECT_EQ(finished.report.bytes, 1024u);
  EXPECT_EQ(finished.ui.at("images")[1].sent_as, "image/png");
}

TEST(RunEvents, OtherTextsAreRefused) {
  for (const RunEvent& event : one_of_each()) {
    const Json good = to_json(event);
    for (const auto& item : good.items()) {
      Json broken = good;
      broken[item.key()] = Json::array({Json::object()});
      EXPECT_THROW(run_event(broken), Error) << item.key() << " of " << workflow::dump_json(good);
      broken.erase(item.key());
      if (item.key() == "preview") continue;  // need not be there
      EXPECT_THROW(run_event(broken), Error) << workflow::dump_json(broken);
    }
  }
  Json preview = to_json(one_of_each()[4]);
  preview["preview"]["width"] = 3;  // more than its pixels
  EXPECT_THROW(run_event(preview), Error);
  preview["preview"]["width"] = int64_t{1} << 40;
  EXPECT_THROW(run_event(preview), Error);
  Json progress = to_json(one_of_each()[3]);
  progress["max"] = -1;
  EXPECT_THROW(run_event(progress), Error);
  progress["max"] = UINT64_MAX;
  EXPECT_THROW(run_event(progress), Error);
  EXPECT_THROW(run_event(Json::array()), Error);
  EXPECT_THROW(run_event({{"event", "nothing"}}), Error);
}

}  // namespace
}  // namespace easel::engine
