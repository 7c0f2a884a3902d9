// Nodes of sdxl_prompt_styler (github.com/twri/sdxl_prompt_styler): texts put into the frames of styles. The original
// keeps its styles among its own files; here they are files of the folder "styles" among the models.
#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "node_api/table.h"
#include "nodes/extensions/styler/prompt_styles.h"

namespace easel::nodes {
namespace {

struct Simple {
  std::string text_positive, text_negative, style = "base";
  bool log_prompt = true, style_positive = true, style_negative = true;
};

struct Advanced {
  std::string text_positive_g, text_positive_l, text_negative, style = "base", negative_prompt_to;
  bool copy_to_l = false, log_prompt = false;
};

PromptStyle style_named(const std::string& name, const Call& call) {
  std::vector<std::string> left_out;
  std::vector<PromptStyle> all = read_styles(call.context().folders, left_out);
  for (const std::string& file : left_out) call.warn(file);
  const auto it = std::find_if(all.begin(), all.end(), [&](const PromptStyle& style) { return style.name == name; });
  if (it != all.end()) return std::move(*it);
  std::vector<std::string> names;
  for (const PromptStyle& style : all) names.push_back(style.name);
  std::string near = did_you_mean(name, names);
  if (!near.empty()) near = "; " + near;
  throw Error(Fault::kMissing, "there is no style '" + name + "'" + near)
      .at_input("style")
      .fix("Put the extension's files of styles (sdxl_styles_*.json) into the folder styles among the models");
}

Results<std::string, std::string> simple(const Simple& in, Call& call) {
  StyledTexts out = styled(style_named(in.style, call), in.text_positive, in.text_negative);
  return {in.style_positive ? std::move(out.positive) : in.text_positive,
          in.style_negative ? std::move(out.negative) : in.text_negative};
}

Results<std::string, std::string, std::string, std::string, std::string, std::string> advanced(const Advanced& in,
                                                                                               Call& call) {
  const StyledPair out =
      styled_pair(style_named(in.style, call), in.text_positive_g, in.text_positive_l, in.text_negative, in.copy_to_l);
  return {out.g,
          out.l,
          out.both,
          in.negative_prompt_to == "L only" ? std::string() : out.negative,
          in.negative_prompt_to == "G only" ? std::string() : out.negative,
          out.negative};
}

// A style that is not there is told before anything is computed.
void look_for_style(const std::string& style, const Call& call) {
  if (!call.awaits("style")) style_named(style, call);
}

}  // namespace

void register_prompt_styler_nodes(Table& table) {
  table.add(NodeOf<Simple>{
      .name = "SDXLPromptStyler",
      .category = "utils",
      .description = "Puts texts into the frame of a style, which is an entry of a file in the folder styles.",
      .origin = "sdxl_prompt_styler",
      .inputs = {Text("text_positive", &Simple::text_positive).multiline().names_embeddings(),
                 Text("text_negative", &Simple::text_negative).multiline().names_embeddings(),
                 Text("style", &Simple::style),
                 Bool("log_prompt", &Simple::log_prompt).tip("Has no effect: texts are not logged."),
                 Bool("style_positive", &Simple::style_positive), Bool("style_negative", &Simple::style_negative)},
      .outputs = {{"text_positive"}, {"text_negative"}},
      .looks_through = {kStyleFolder},
      .run = simple,
      .foresee = [](const Known<Simple>& in, Call& call) -> Foreseen<std::string, std::string> {
        look_for_style(in(&Simple::style), call);
        return {};
      }});
  table.add(NodeOf<Advanced>{
      .name = "SDXLPromptStylerAdvanced",
      .category = "utils",
      .description = "Puts texts for SDXL's two encoders into the frame of a style.",
      .origin = "sdxl_prompt_styler",
      .inputs = {Text("text_positive_g", &Advanced::text_positive_g).multiline().names_embeddings(),
                 Text("text_positive_l", &Advanced::text_positive_l).multiline().names_embeddings(),
                 Text("text_negative", &Advanced::text_negative).multiline().names_embeddings(),
                 Text("style", &Advanced::style),
                 Choice("negative_prompt_to", &Advanced::negative_prompt_to, {"Both", "G only", "L only"}),
                 Bool("copy_to_l", &Advanced::copy_to_l),
                 Bool("log_prompt", &Advanced::log_prompt).tip("Has no effect: texts are not logged.")},
      .outputs = {{"text_positive_g"},
                  {"text_positive_l"},
                  {"text_positive"},
                  {"text_negative_g"},
                  {"text_negative_l"},
                  {"text_negative"}},
      .looks_through = {kStyleFolder},
      .run = advanced,
      .foresee = [](const Known<Advanced>& in, Call& call)
          -> Foreseen<std::string, std::string, std::string, std::string, std::string, std::string> {
        look_for_style(in(&Advanced::style), call);
        return {};
      }});
}

}  // namespace easel::nodes
