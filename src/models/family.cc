#include "models/family.h"

#include "models/model_reader.h"
#include "models/sd/reader.h"

namespace easel::models {
namespace {

// A new family is a folder and a line here.
constexpr const ModelReader* kReaders[] = {&sd::kReader};

}  // namespace

std::string family_name(const Family* family) {
  return family ? std::string(family->name) : std::string("unknown family");
}

std::span<const ModelReader* const> model_readers() { return kReaders; }

const ModelReader* find_reader(const StoredTensors& file) {
  for (const ModelReader* reader : kReaders)
    if (reader->find(file) != ModelReader::Found::kNothing) return reader;
  return nullptr;
}

const Family* find_family(std::string_view id) {
  for (const ModelReader* reader : kReaders)
    for (const Family* family : reader->families)
      if (family->id == id) return family;
  return nullptr;
}

std::string families_there_are() {
  std::string out;
  for (const ModelReader* reader : kReaders) out += (out.empty() ? "" : "; ") + std::string(reader->runs);
  return out;
}

std::string foreign_model(const StoredTensors& file) {
  for (const std::string prefix : {"model.diffusion_model.", "diffusion_model.", ""}) {
    const auto has = [&](const char* name) { return file.contains(prefix + name); };
    if (has("joint_blocks.0.context_block.attn.qkv.weight")) return "Stable Diffusion 3";
    if (has("double_blocks.0.img_attn.qkv.weight")) return "Flux";
    if (has("clf.1.weight")) return "Stable Cascade";
    if (has("input_blocks.1.1.time_stack.0.attn1.to_q.weight")) return "Stable Video Diffusion";
    if (has("x_embedder.proj.1.weight") || has("blocks.0.attn.qkv.weight")) return "a diffusion transformer";
  }
  return {};
}

}  // namespace easel::models
