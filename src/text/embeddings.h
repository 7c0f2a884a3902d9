// Textual-inversion files.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "text/prompt.h"

namespace easel::text {

// The vectors in a textual-inversion file as f32 [n, C]: what A1111 (.pt with string_to_param), diffusers (.bin) and
// kohya (.safetensors) write, the lists of .pt files and embeddings bundled in a LoRA file. A file made for several
// encoders is asked for style.embedding_key. Which tensor counts is decided as comfy.sd1_clip.load_embed does.
// Throws what formats::open_model_file throws, and Error(kBadFile) when there are no such vectors in the file.
Tensor read_embedding(const std::filesystem::path& path, const TokenizerStyle& style);

// Whether there is any name of an embedding in a text.
bool may_name_embeddings(std::string_view text);

// The embeddings folders of an installation with all folders below them, looked through once, at construction.
class EmbeddingFolders : public EmbeddingSource {
 public:
  // Folders that do not exist are passed over.
  explicit EmbeddingFolders(const std::vector<std::filesystem::path>& roots);

  // A name is a file's, with or without .safetensors, .pt or .bin, and may begin with folders; one that leads out of
  // its folder is not found.
  Tensor find(std::string_view name, const TokenizerStyle& style) const override;

  // Names that differ in case, in what stands behind them, or in the kind of their slashes come before similar ones.
  std::string near(std::string_view name) const override;

  // The file a name stands for; empty when there is none.
  std::filesystem::path locate(std::string_view name) const;

  // The files that a prompt may mean which is, or is put together from, such a text. Rather one too many: where a name
  // ends can depend on what the text is put together with.
  std::vector<std::filesystem::path> named_in(std::string_view text) const;

 private:
  std::vector<std::filesystem::path> folders_;
};

}  // namespace easel::text
