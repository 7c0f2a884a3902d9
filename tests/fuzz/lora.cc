// Names and shapes in LoRA files. Each line is a tensor: its name, and its dimensions after blanks.
#include "models/patch/lora.h"

#include <charconv>

#include "fuzz/fuzz.h"
#include "models/checkpoint/checkpoint.h"
#include "models/unet/unet_source.h"
#include "synth/models/synth.h"

namespace easel::fuzz {
namespace {

struct Base {
  memory::Residency residency;
  models::Checkpoint checkpoint;
  models::ClipHandle clip;

  Base() {
    const auto files = synth::write_synthetic(folder(), {.only = {"v1-5-pruned-emaonly"}});
    checkpoint = models::load_checkpoint(formats::open_model_file(files.at(0)), residency, DType::kF32);
    clip.encoder = checkpoint.text;
  }
};

// Zeros of the dimensions in `text`: at most four, each of 1 to 64.
Tensor zeros(std::string_view text) {
  Shape shape;
  while (!text.empty() && shape.rank() < 4) {
    const std::string_view number = cut(text, ' ');
    int64_t n = 1;
    std::from_chars(number.data(), number.data() + number.size(), n);
    shape.push_back(std::clamp<int64_t>(n, 1, 64));
  }
  return shape.numel() > 4096 ? Tensor::zeros({1}) : Tensor::zeros(shape);
}

void read(Bytes bytes) {
  static Base base;
  StoredTensors tensors;
  std::string_view rest = text_of(bytes);
  while (!rest.empty() && tensors.size() < 64) {
    std::string_view line = cut(rest);
    const std::string name(cut(line, ' '));
    tensors.set(name, zeros(line));
  }
  formats::ModelFile file;
  file.path = "fuzz.safetensors";
  file.tensors = std::make_shared<const StoredTensors>(std::move(tensors));
  const auto lora = models::Lora::read(file);
  const models::LoraResult result =
      models::apply_lora(lora, base.checkpoint.model, base.clip, 0.5f, 0.5f, base.residency);
  require(result.unused.size() <= lora->modules().size());
  for (const auto& [name, module] : lora->unet_modules(base.checkpoint.model)) {
    const Tensor weight = models::unet_of(base.checkpoint.model).source->weights().get(name).tensor();
    require(models::apply_lora_module(*module, weight, 0.5f).numel() == weight.numel());
  }
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
