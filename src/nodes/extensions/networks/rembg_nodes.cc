// Pictures without their background: rembg-comfyui-node, and ComfyUI_essentials' nodes of the same library.
#include "node_api/table.h"
#include "nodes/extensions/krita/hint_pictures.h"
#include "nodes/extensions/networks/rembg_session.h"
#include "nodes/extensions/published_file.h"

namespace easel::nodes {
namespace {

constexpr const char* kKind = "rembg";
constexpr const char* kPublisher = "danielgatis/rembg (releases, v0.0.0)";

RembgSession open_session(const std::string& name, Call& call) {
  constexpr image::SeenColours kImageNet{{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}},
      kGeneral{{0.5, 0.5, 0.5}, {1, 1, 1}}, kAnime{{0.485, 0.456, 0.406}, {1, 1, 1}};
  constexpr image::Size kSmall{320, 320}, kLarge{1024, 1024};
  const bool large = name.starts_with("isnet");
  const auto file = open_published(call, kKind, name + ".onnx", kPublisher);
  return {models::load_onnx_network(call.context().residency, *file), large ? kLarge : kSmall,
          !large                  ? kImageNet
          : name == "isnet-anime" ? kAnime
                                  : kGeneral};
}

image::BytePicture cut(const RembgSession& session, const image::BytePicture& picture, Call& call) {
  const Tensor pixels = image::cut_out_pixels(picture, session.size, session.colours);
  constexpr int64_t kValuesOfPixel = 64 * 4;  // maps of 64 channels at the picture's size, a few at a time
  const auto working = static_cast<size_t>(session.size.height * session.size.width * kValuesOfPixel) * sizeof(float);
  const std::vector<Tensor> said = session.network.run(call.context().residency, pixels, working);
  try {
    if (said.empty()) throw Error(Fault::kBadFile, "gives nothing");
    return image::cut_out(picture, said[0]);
  } catch (Error& e) {
    if (e.fault() == Fault::kBadFile) e.in_file(session.network.file);
    throw;
  }
}

// All pictures of a batch, with four channels.
Tensor cut_all(const RembgSession& session, const Tensor& pictures, Call& call) {
  std::vector<image::BytePicture> out;
  for (int64_t n = 0; n < pictures.dim(0); ++n) {
    call.check_cancelled();
    out.push_back(cut(session, hint_source(pictures, n), call));
    call.part_done(static_cast<int>(n) + 1, static_cast<int>(pictures.dim(0)));
  }
  return image::picture_of(out);
}

struct Cut {
  Linked<Image> image;
};

struct Session {
  std::string model = "u2net: general purpose", providers = "CPU";
};

std::string network_of(const Session& in) { return in.model.substr(0, in.model.find(':')); }

void check_session(const Session& in) {
  const std::string name = network_of(in);
  if (name == "sam" || name == "u2net_cloth_seg")
    throw Error(Fault::kUnsupported, name +
                                         (name == "sam" ? " takes places in the picture, which no node gives it,"
                                                        : " gives three pictures for one,") +
                                         " and is not run here")
        .at_input("model")
        .fix("Choose u2net, u2netp, u2net_human_seg, silueta, isnet-general-use or isnet-anime");
}

struct CutBySession {
  Linked<RembgSession> rembg_session;
  Linked<Image> image;
};

}  // namespace

void register_rembg_nodes(Table& table) {
  table.add(NodeOf<Cut>{.name = "Image Remove Background (rembg)",
                        .display = "Image Remove Background (rembg)",
                        .category = "image",
                        .description = "Cuts out what is in front: the background becomes black and transparent.",
                        .origin = "rembg",
                        .inputs = {Link("image", &Cut::image)},
                        .looks_through = {kKind},
                        .run = [](const Cut& in, Call& call) -> Results<Image> {
                          if (in.image->dim(0) != 1)
                            throw Error(Fault::kInvalid,
                                        std::to_string(in.image->dim(0)) + " pictures, where this node takes one")
                                .at_input("image");
                          return {cut_all(open_session("u2net", call), *in.image, call)};
                        },
                        .foresee = [](const Known<Cut>& in, Call& call) -> Foreseen<Image> {
                          open_session("u2net", call);
                          const ForeseenPicture* picture = in(&Cut::image);
                          if (!picture) return {};
                          ForeseenPicture out = *picture;
                          out.channels = 4;
                          return {out};
                        }});
  table.add(
      NodeOf<Session>{.name = "RemBGSession+",
                      .display = "🔧 RemBG Session",
                      .category = "essentials/image manipulation",
                      .description = "Opens a network that says what of a picture is in front.",
                      .origin = "essentials",
                      .inputs = {Choice("model", &Session::model,
                                        {"u2net: general purpose", "u2netp: lightweight general purpose",
                                         "u2net_human_seg: human segmentation", "u2net_cloth_seg: cloths Parsing",
                                         "silueta: very small u2net", "isnet-general-use: general purpose",
                                         "isnet-anime: anime illustrations", "sam: general purpose"}),
                                 Choice("providers", &Session::providers,
                                        {"CPU", "CUDA", "ROCM", "DirectML", "OpenVINO", "CoreML", "Tensorrt", "Azure"})
                                     .tip("Which library's card computes there; here it is what --device says.")},
                      .looks_through = {kKind},
                      .run = [](const Session& in, Call& call) -> Results<RembgSession> {
                        return {open_session(network_of(in), call)};
                      },
                      .check = check_session,
                      .foresee = [](const Known<Session>& in, Call& call) -> Foreseen<RembgSession> {
                        if (!call.awaits("model")) open_session(network_of({in(&Session::model), {}}), call);
                        return {std::nullopt};
                      }});
  table.add(NodeOf<CutBySession>{
      .name = "ImageRemoveBackground+",
      .display = "🔧 Image Remove Background",
      .category = "essentials/image manipulation",
      .description = "Cuts out what is in front, by the network of a session.",
      .origin = "essentials",
      .inputs = {Link("rembg_session", &CutBySession::rembg_session), Link("image", &CutBySession::image)},
      .run = [](const CutBySession& in, Call& call) -> Results<Image, Mask> {
        const Tensor four = cut_all(*in.rembg_session, *in.image, call);
        return {contiguous(four.slice(3, 0, 3)), contiguous(four.select(3, 3))};
      },
      .foresee = [](const Known<CutBySession>& in) -> Foreseen<Image, Mask> {
        const ForeseenPicture* picture = in(&CutBySession::image);
        if (!picture) return {};
        ForeseenPicture out = *picture;
        out.channels = 3;
        return {out, mask_of(*picture)};
      }});
}

}  // namespace easel::nodes
