#include "nodes/common/tiny_vae.h"

#include "base/error.h"
#include "base/files/utf8.h"
#include "library/model_files.h"
#include "models/checkpoint/checkpoint.h"

namespace easel::nodes {
namespace {

namespace fs = std::filesystem;

// `path` with the last `from` of its name replaced; its own ending is tried first. Empty if there is none.
fs::path counterpart(const fs::path& path, const std::string& from, const std::string& to) {
  std::string stem = path.stem().string();
  const size_t at = lower_ascii(stem).rfind(from);
  if (at == std::string::npos) return {};
  stem.replace(at, from.size(), to);
  for (const std::string& ending : {path.extension().string(), std::string(".safetensors"), std::string(".pth"),
                                    std::string(".pt"), std::string(".bin"), std::string(".sft")}) {
    fs::path out = path.parent_path() / (stem + ending);
    std::error_code ignored;
    if (fs::is_regular_file(out, ignored)) return out;
  }
  return {};
}

}  // namespace

models::VaeHandle open_tiny_vae(const Context& context, const fs::path& half) {
  const std::string stem = lower_ascii(half.stem().string());
  const bool is_encoder = stem.find("encoder") != std::string::npos && stem.find("decoder") == std::string::npos;
  const fs::path decoder = is_encoder ? counterpart(half, "encoder", "decoder") : half;
  const fs::path encoder = is_encoder ? half : counterpart(half, "decoder", "encoder");
  if (decoder.empty())
    throw Error(Fault::kMissing, "is one half of TAESD, and the file of its decoder is not beside it")
        .in_file(half.filename().string())
        .fix("Put taesd_decoder (for SDXL taesdxl_decoder) into the same folder");
  const auto encoder_file = encoder.empty() ? nullptr : context.files.open(encoder);
  return models::load_tiny_vae(encoder_file.get(), *context.files.open(decoder), stem.find("xl") != std::string::npos,
                               context.residency, context.compute);
}

}  // namespace easel::nodes
