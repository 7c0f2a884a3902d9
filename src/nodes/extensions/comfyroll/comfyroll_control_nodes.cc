// Nodes of Comfyroll Studio (github.com/Suzie1/ComfyUI_Comfyroll_CustomNodes): ControlNets, buses, further switches,
// schedules of values.
#include <array>
#include <charconv>
#include <utility>

#include "formats/utf8.h"
#include "models/latent_format.h"
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/composed.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/extensions/comfyroll/comfyroll.h"
#include "nodes/extensions/control_stack.h"
#include "ops/elementwise.h"
#include "text/unicode.h"

namespace easel::nodes {

// PIPE_LINE of the data bus: four values of any types, some of which may be missing.
struct DataBus {
  std::array<Value, 4> values;
};
template <>
struct LinkType<DataBus> {
  static constexpr const char* kName = "PIPE_LINE";
  using Held = DataBus;
  using Foreseen = DataBus;
  static size_t bytes(const DataBus& bus) {
    size_t sum = 0;
    for (const Value& value : bus.values) sum += value.bytes();
    return sum;
  }
};

namespace {

using models::ClipHandle;
using models::Conditioning;
using models::ModelHandle;

constexpr const char* kOrigin = "comfyroll";

// --- ControlNets ---

struct Apply {
  Linked<Conditioning> conditioning;
  Linked<models::ControlNetHandle> control_net;
  Linked<Image> image;
  bool on = true;
  double strength = 1.0;
};

Value controlled(const Call& call, bool on, double strength, const Parts& parts) {
  if (!on || strength == 0) return value_of(call, "conditioning");
  return parts.make("ControlNetApply", {{"strength", strength}},
                    {{"conditioning", value_of(call, "conditioning")},
                     {"control_net", value_of(call, "control_net")},
                     {"image", value_of(call, "image")}})[0];
}

constexpr size_t kSlots = 3;

struct Stack {
  std::array<bool, kSlots> on{};
  std::array<std::string, kSlots> files;
  std::array<double, kSlots> strengths, starts, ends;
  MaybeLinked<ControlStack> controlnet_stack;
  Stack() {
    files.fill("None");
    strengths.fill(1.0);
    starts.fill(0.0);
    ends.fill(1.0);
  }
};

Results<ControlStack, std::string> stacked(const Stack& in, Call& call) {
  ControlStack out;
  if (in.controlnet_stack)
    for (const ControlStack::Entry& entry : in.controlnet_stack->entries)
      if (entry.file != "None") out.entries.push_back(entry);
  for (size_t i = 0; i < kSlots; ++i) {
    const Value* image = call.linked("image_" + std::to_string(i + 1));
    if (in.files[i] == "None" || !in.on[i] || !image || image->empty()) continue;
    out.entries.push_back({in.files[i], *image, in.strengths[i], in.starts[i], in.ends[i], {}});
  }
  return {std::move(out), help("ControlNet-Nodes#cr-multi-controlnet-stack")};
}

Inputs<Stack> stack_inputs() {
  Inputs<Stack> out;
  for (size_t i = 0; i < kSlots; ++i) {
    const std::string number = std::to_string(i + 1);
    Input<Stack> on("switch_" + number, "COMBO", In::Member::kMeaning, &blank<Stack>().on[i]);
    on.spec().choices = {"Off", "On"};
    on.set_meanings({0, 1}, sizeof(bool));
    Input<Stack> file("controlnet_" + number, "COMBO", In::Member::kText, &blank<Stack>().files[i]);
    file.spec().choices = {"None"};
    file.spec().choices_from = "controlnet";
    const auto share = [](const std::string& name, std::array<double, kSlots> Stack::*member, size_t at) {
      return Float(name, member, at).range(0.0, 1.0).step(0.001).optional();
    };
    out.push_back(std::move(on).optional());
    out.push_back(std::move(file).optional());
    out.push_back(
        Float("controlnet_strength_" + number, &Stack::strengths, i).range(-10.0, 10.0).step(0.01).optional());
    out.push_back(share("start_percent_" + number, &Stack::starts, i));
    out.push_back(share("end_percent_" + number, &Stack::ends, i));
  }
  for (size_t i = 0; i < kSlots; ++i) {
    Input<Stack> image("image_" + std::to_string(i + 1), "IMAGE", In::Member::kNone, &blank<Stack>());
    image.set_known_when_checked(false);
    out.push_back(std::move(image).optional());
  }
  out.push_back(Link("controlnet_stack", &Stack::controlnet_stack));
  return out;
}

struct ApplyStack {
  Linked<Conditioning> base_positive, base_negative;
  bool on = false;
  Linked<ControlStack> controlnet_stack;
};

Results<Conditioning, Conditioning, std::string> apply_stack(const ApplyStack& in, Call& call) {
  auto [positive, negative] = apply_controls(Parts(call, Parts::Doing::kRun), in.base_positive.value(),
                                             in.base_negative.value(), in.on ? *in.controlnet_stack : ControlStack());
  return {Handed{positive}, Handed{negative}, help("ControlNet-Nodes#cr-apply-multi-controlnet")};
}

void add_controls(Table& table) {
  constexpr const char* kCategory = "Comfyroll/ControlNet";
  table.add(NodeOf<Apply>{
      .name = "CR Apply ControlNet",
      .category = kCategory,
      .description = "Applies a ControlNet as ControlNetApply does, or not.",
      .origin = kOrigin,
      .inputs = {Link("conditioning", &Apply::conditioning), Link("control_net", &Apply::control_net),
                 Link("image", &Apply::image), Choice("switch", &Apply::on, {{"On", true}, {"Off", false}}),
                 Float("strength", &Apply::strength).range(0.0, 10.0).step(0.01)},
      .outputs = {{}, {"show_help"}},
      .run = [](const Apply& in, Call& call) -> Results<Conditioning, std::string> {
        return {Handed{controlled(call, in.on, in.strength, Parts(call, Parts::Doing::kRun))},
                help("ControlNet-Nodes#cr-apply-controlnet")};
      },
      .foresee = [](const Known<Apply>& in, Call& call) -> Foreseen<Conditioning, std::string> {
        return {Handed{controlled(call, in(&Apply::on), in(&Apply::strength), Parts(call, Parts::Doing::kForesee))},
                std::nullopt};
      }});
  table.add(NodeOf<Stack>{.name = "CR Multi-ControlNet Stack",
                          .category = kCategory,
                          .description = "A stack of up to three ControlNets, behind those of another stack.",
                          .origin = kOrigin,
                          .inputs = stack_inputs(),
                          .outputs = {{"CONTROLNET_STACK"}, {"show_help"}},
                          .run = stacked});
  table.add(NodeOf<ApplyStack>{
      .name = "CR Apply Multi-ControlNet",
      .category = kCategory,
      .description = "Applies a stack of ControlNets as ControlNetApplyAdvanced does.",
      .origin = kOrigin,
      .inputs = {Link("base_positive", &ApplyStack::base_positive), Link("base_negative", &ApplyStack::base_negative),
                 Choice("switch", &ApplyStack::on, {{"Off", false}, {"On", true}}),
                 Link("controlnet_stack", &ApplyStack::controlnet_stack)},
      .outputs = {{"base_pos"}, {"base_neg"}, {"show_help"}},
      .run = apply_stack});
}

// --- Buses and switches ---

struct BusIn {
  MaybeLinked<DataBus> pipe;
};
struct BusOut {
  Linked<DataBus> pipe;
};

std::string any_name(size_t i) { return "any" + std::to_string(i + 1); }

DataBus filled(DataBus bus, const Call& call) {
  for (size_t i = 0; i < bus.values.size(); ++i)
    if (const Value* value = call.linked(any_name(i)); value && !value->empty()) bus.values[i] = *value;
  return bus;
}

Inputs<BusIn> bus_inputs() {
  Inputs<BusIn> out{Link("pipe", &BusIn::pipe)};
  for (size_t i = 0; i < 4; ++i) {
    Input<BusIn> one(any_name(i), "*", In::Member::kNone, &blank<BusIn>());
    one.set_known_when_checked(false);
    out.push_back(std::move(one).optional());
  }
  return out;
}

template <class L>
struct Four {
  int64_t number = 1;
  MaybeLinked<L> first, second, third, fourth;
};
struct ModelAndClipOf {
  int64_t number = 1;
  Linked<ModelHandle> model1, model2;
  Linked<ClipHandle> clip1, clip2;
};
template <class L>
struct Process {
  bool first_one = true;
  MaybeLinked<L> first, second;
};

template <class L>
void add_process(Table& table, const char* name, const char* one, const char* two, const char* in_one,
                 const char* in_two, const char* page) {
  table.add(NodeOf<Process<L>>{
      .name = name,
      .category = "Comfyroll/Utils/Process",
      .description = "Hands on one of two values.",
      .origin = kOrigin,
      .inputs = {Choice("Input", &Process<L>::first_one, {{one, true}, {two, false}}), Link(in_one, &Process<L>::first),
                 Link(in_two, &Process<L>::second)},
      .outputs = {{}, {"show_help"}},
      .run = [page](const Process<L>& in) -> Results<L, std::string> {
        return {in.first_one ? in.first : in.second, help(page)};
      },
      .foresee = [in_one, in_two](const Known<Process<L>>& in, Call& call) -> Foreseen<L, std::string> {
        if (call.awaits("Input")) return {};
        return {Handed{value_of(call, in(&Process<L>::first_one) ? in_one : in_two)}, std::nullopt};
      }});
}

void add_switches(Table& table) {
  using Bus4 = Results<DataBus, Anything, Anything, Anything, Anything, std::string>;
  table.add(NodeOf<BusIn>{.name = "CR Data Bus In",
                          .category = "Comfyroll/Pipe",
                          .description = "Puts up to four values on one link, in place of those there.",
                          .origin = kOrigin,
                          .inputs = bus_inputs(),
                          .outputs = {{"pipe"}, {"show_help"}},
                          .run = [](const BusIn& in, Call& call) -> Results<DataBus, std::string> {
                            return {filled(in.pipe ? *in.pipe : DataBus(), call), help("Pipe-Nodes#cr-data-bus-in")};
                          },
                          .foresee = [](const Known<BusIn>& in, Call& call) -> Foreseen<DataBus, std::string> {
                            if (call.awaits("pipe")) return {};
                            const DataBus* known = in(&BusIn::pipe);
                            return {filled(known ? *known : DataBus(), call), std::nullopt};
                          }});
  table.add(NodeOf<BusOut>{
      .name = "CR Data Bus Out",
      .category = "Comfyroll/Pipe",
      .description = "Takes the values from one link.",
      .origin = kOrigin,
      .inputs = {Link("pipe", &BusOut::pipe)},
      .outputs = {{"pipe"}, {"any1"}, {"any2"}, {"any3"}, {"any4"}, {"show_help"}},
      .run = [](const BusOut& in) -> Bus4 {
        const auto& v = in.pipe->values;
        return {in.pipe, v[0], v[1], v[2], v[3], help("Pipe-Nodes#cr-data-bus-out")};
      },
      .foresee = [](const Known<BusOut>& in) -> Foreseen<DataBus, Anything, Anything, Anything, Anything, std::string> {
        const DataBus* bus = in(&BusOut::pipe);
        if (!bus) return {};
        const auto& v = bus->values;
        return {bus, v.data(), v.data() + 1, v.data() + 2, v.data() + 3, std::nullopt};
      }});
  using Pictures = Four<Image>;
  table.add(NodeOf<Pictures>{.name = "CR Image Input Switch (4 way)",
                             .category = "Comfyroll/Utils/Logic",
                             .description = "Hands on one of four pictures.",
                             .origin = kOrigin,
                             .inputs = {Int("Input", &Pictures::number).range(1, 4), Link("image1", &Pictures::first),
                                        Link("image2", &Pictures::second), Link("image3", &Pictures::third),
                                        Link("image4", &Pictures::fourth)},
                             .outputs = {{}, {"show_help"}},
                             .run = [](const Pictures& in) -> Results<Image, std::string> {
                               const MaybeLinked<Image>* all[] = {&in.first, &in.second, &in.third, &in.fourth};
                               return {*all[in.number - 1], help("Logic-Nodes#cr-image-input-switch-4-way")};
                             },
                             .foresee = [](const Known<Pictures>& in, Call& call) -> Foreseen<Image, std::string> {
                               if (call.awaits("Input")) return {};
                               const std::string chosen = "image" + std::to_string(in(&Pictures::number));
                               return {Handed{value_of(call, chosen)}, std::nullopt};
                             }});
  table.add(NodeOf<ModelAndClipOf>{
      .name = "CR Switch Model and CLIP",
      .category = "Comfyroll/Utils/Logic",
      .description = "Hands on one of two models with its text encoder.",
      .origin = kOrigin,
      .inputs = {Int("Input", &ModelAndClipOf::number).range(1, 2), Link("model1", &ModelAndClipOf::model1),
                 Link("clip1", &ModelAndClipOf::clip1), Link("model2", &ModelAndClipOf::model2),
                 Link("clip2", &ModelAndClipOf::clip2)},
      .outputs = {{}, {}, {"show_help"}},
      .run = [](const ModelAndClipOf& in) -> Results<ModelHandle, ClipHandle, std::string> {
        const bool first = in.number == 1;
        return {first ? in.model1 : in.model2, first ? in.clip1 : in.clip2,
                help("Logic-Nodes#cr-switch-model-and-clip")};
      },
      .foresee = [](const Known<ModelAndClipOf>& in, Call& call) -> Foreseen<ModelHandle, ClipHandle, std::string> {
        if (call.awaits("Input")) return {};
        const std::string number = std::to_string(in(&ModelAndClipOf::number));
        return {Handed{value_of(call, "model" + number)}, Handed{value_of(call, "clip" + number)}, std::nullopt};
      }});
  add_process<Latent>(table, "CR Img2Img Process Switch", "txt2img", "img2img", "txt2img", "img2img",
                      "Process-Nodes#cr-img2img-process-switch");
  add_process<Latent>(table, "CR Hires Fix Process Switch", "latent_upscale", "image_upscale", "latent_upscale",
                      "image_upscale", "Process-Nodes#cr-hires-fix-process-switch");
  add_process<Image>(table, "CR Batch Process Switch", "image", "image batch", "image", "image_batch",
                     "Process-Nodes#cr-batch-process-switch");
}

// --- Sizes, lists, schedules ---

struct Aspect {
  int64_t width = 1024, height = 1024;
  std::string aspect_ratio;
  bool swap_dimensions = false;
  double upscale_factor = 1.0, prescale_factor = 1.0;
  int64_t batch_size = 1;
};

using AspectResults = Results<int64_t, int64_t, double, double, int64_t, Latent, std::string>;

// The prescale factor changes the chosen size.
image::Size scaled_size(const std::string& aspect_ratio, image::Size custom, bool swapped, double factor) {
  const image::Size chosen = chosen_size(aspect_ratio, custom, swapped);
  return {static_cast<int64_t>(static_cast<double>(chosen.width) * factor),
          static_cast<int64_t>(static_cast<double>(chosen.height) * factor)};
}

AspectResults aspect(const Aspect& in) {
  const image::Size size = scaled_size(in.aspect_ratio, {in.width, in.height}, in.swap_dimensions, in.prescale_factor);
  constexpr int64_t kLongest = 65536;
  if (size.width > kLongest || size.height > kLongest)
    throw Error(Fault::kInvalid, "the picture becomes too large").at_input("prescale_factor");
  return {size.width,
          size.height,
          in.upscale_factor,
          in.prescale_factor,
          in.batch_size,
          empty_latent(latents_for(models::default_latents(), in.batch_size, size)),
          help("Aspect-Ratio-Nodes#cr-aspect-ratio")};
}

Foreseen<int64_t, int64_t, double, double, int64_t, Latent, std::string> foresee_aspect(const Known<Aspect>& in) {
  const image::Size size = scaled_size(in(&Aspect::aspect_ratio), {in(&Aspect::width), in(&Aspect::height)},
                                       in(&Aspect::swap_dimensions), in(&Aspect::prescale_factor));
  return {std::nullopt, std::nullopt, std::nullopt,
          std::nullopt, std::nullopt, latents_for(models::default_latents(), in(&Aspect::batch_size), size),
          std::nullopt};
}

struct BatchSize {
  Linked<Latent> latent;
  int64_t batch_size = 2;
};
struct OneText {
  std::string text;
};
struct Schedule {
  std::string schedule = "frame_number, value";
  int64_t current_frame = 0;
};

Results<ListOf<std::string>, std::string> bits(const OneText& in) {
  constexpr size_t kMost = 1'000'000;
  if (in.text.size() > kMost)
    throw Error(Fault::kMemory, "makes a list of more than " + std::to_string(kMost) + " values")
        .at_input("bit_string");
  std::vector<std::string> out;
  for (const int32_t c : text::decode_utf8(in.text)) formats::append_utf8(out.emplace_back(), static_cast<uint32_t>(c));
  return {std::move(out), help("List-Nodes#cr-binary-to-bit-list")};
}

// A number in Python's forms of int() and float(): digits with a sign, blanks around them left out.
template <class T>
T parsed(const std::string& given) {
  const std::string text = stripped(given);
  T value{};
  const char* from = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [at, fault] = std::from_chars(from, text.data() + text.size(), value);
  if (fault != std::errc() || at != text.data() + text.size() || text.empty())
    throw Error(Fault::kInvalid, "'" + text.substr(0, 40) + "' is no number").at_input("schedule");
  return value;
}

// The value of the last line that is not past the frame.
Results<int64_t, double, std::string> scheduled(const Schedule& in) {
  std::string params;
  for (const std::string& line : split(in.schedule, "\n")) {
    if (stripped(line).empty()) continue;
    const size_t comma = line.find(',');
    if (comma == std::string::npos)
      throw Error(Fault::kInvalid, "the line '" + line.substr(0, 40) + "' has no comma").at_input("schedule");
    const int64_t frame = parsed<int64_t>(line.substr(0, comma));
    if (frame > in.current_frame) break;
    params = line.substr(comma + 1);
    if (frame == in.current_frame) break;
  }
  if (stripped(params).empty())
    throw Error(Fault::kInvalid, "there is no line for frame " + std::to_string(in.current_frame))
        .at_input("schedule")
        .fix("Begin with a line for frame 0");
  const double value = parsed<double>(params);
  return {parsed<int64_t>(params.substr(0, params.find('.'))), value,
          help("Scheduler-Nodes#cr-simple-value-scheduler")};
}

void add_rest(Table& table) {
  const AddNode sizes{table, kOrigin, "Comfyroll/Aspect Ratio"};
  const auto factor = [](const char* name, double Aspect::*member) {
    return Float(name, member).range(0.1, 100.0).step(0.1);
  };
  sizes.node<Aspect>(
      "CR Aspect Ratio", "Empty latents in one of the usual sizes.",
      {Int("width", &Aspect::width).range(64, 8192), Int("height", &Aspect::height).range(64, 8192),
       Choice("aspect_ratio", &Aspect::aspect_ratio,
              {"custom", "SD1.5 - 1:1 square 512x512", "SD1.5 - 2:3 portrait 512x768", "SD1.5 - 3:4 portrait 512x682",
               "SD1.5 - 3:2 landscape 768x512", "SD1.5 - 4:3 landscape 682x512", "SD1.5 - 16:9 cinema 910x512",
               "SD1.5 - 1.85:1 cinema 952x512", "SD1.5 - 2:1 cinema 1024x512", "SDXL - 1:1 square 1024x1024",
               "SDXL - 3:4 portrait 896x1152", "SDXL - 5:8 portrait 832x1216", "SDXL - 9:16 portrait 768x1344",
               "SDXL - 9:21 portrait 640x1536", "SDXL - 4:3 landscape 1152x896", "SDXL - 3:2 landscape 1216x832",
               "SDXL - 16:9 landscape 1344x768", "SDXL - 21:9 landscape 1536x640"}),
       Choice("swap_dimensions", &Aspect::swap_dimensions, {{"Off", false}, {"On", true}}),
       factor("upscale_factor", &Aspect::upscale_factor), factor("prescale_factor", &Aspect::prescale_factor),
       Int("batch_size", &Aspect::batch_size).range(1, 64)},
      aspect,
      {{"width"}, {"height"}, {"upscale_factor"}, {"prescale_factor"}, {"batch_size"}, {"empty_latent"}, {"show_help"}},
      foresee_aspect);
  const AddNode core{table, kOrigin, "Comfyroll/Essential/Core"};
  core.node<BatchSize>(
      "CR Latent Batch Size", "Latents so many times, one behind the other, without a mask.",
      {Link("latent", &BatchSize::latent), Int("batch_size", &BatchSize::batch_size).range(1, 999).step(1)},
      [](const BatchSize& in) -> Results<Latent> {
        Latent out;
        out.samples = ops::repeat(in.latent->samples, in.batch_size);
        out.format = in.latent->format;
        return {std::move(out)};
      },
      {},
      [](const Known<BatchSize>& in) -> Foreseen<Latent> {
        const ForeseenLatent* known = in(&BatchSize::latent);
        if (!known) return {};
        return {in_number(*known, known->count * in(&BatchSize::batch_size))};
      });
  const AddNode lists{table, kOrigin, "Comfyroll/List"};
  lists.node<OneText>("CR Binary To Bit List", "A list of the characters of a text.",
                      {Text("bit_string", &OneText::text).multiline()}, bits, {{"STRING"}, {"show_help"}});
  const AddNode schedules{table, kOrigin, "Comfyroll/Animation/Schedulers"};
  schedules.node<Schedule>("CR Simple Value Scheduler", "The value of a frame, of lines such as \"10, 0.5\".",
                           {Text("schedule", &Schedule::schedule).multiline(),
                            Int("current_frame", &Schedule::current_frame).range(0, 9999).step(1)},
                           scheduled, {{"INT"}, {"FLOAT"}, {"show_help"}});
}

}  // namespace

void register_comfyroll_control_nodes(Table& table) {
  add_controls(table);
  add_switches(table);
  add_rest(table);
}

}  // namespace easel::nodes
