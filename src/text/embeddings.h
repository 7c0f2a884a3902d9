// Textual-inversion files.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "text/prompt.h"

namespace easel::text {

// The vectors in a textual-inversion file as f32 [n, C]: what A1111 (.pt with string_to_param), diffusers (.bin) and
// kohya (.safetensors) write, lists in .pt files, and embeddings bundled in a LoRA file. From a file for several
// encoders style.embedding_key is read. The tensor is chosen by the rules of comfy.sd1_clip.load_embed. Throws as
// formats::open_model_file does, and Error(kBadFile) if the file has no such vectors.
Tensor read_embedding(const std::filesystem::path& path, const TokenizerStyle& style);

// Whether a text contains the name of any embedding.
bool may_name_embeddings(std::string_view text);

// The embeddings folders of an installation with their subfolders, which are read once, on construction.
class EmbeddingFolders : public EmbeddingSource {
 public:
  // Folders that do not exist are ignored.
  explicit EmbeddingFolders(const std::vector<std::filesystem::path>& roots);

  // A name is a file name with or without .safetensors, .pt or .bin, and may begin with subfolders. A name that leads
  // out of the folder is not found.
  Tensor find(std::string_view name, const TokenizerStyle& style) const override;

  // Names that differ in case, in what stands behind them, or in the kind of their slashes come before similar ones.
  std::string near(std::string_view name) const override;

  // The file with that name, or an empty path.
  std::filesystem::path locate(std::string_view name) const;

  // The files that a prompt that contains this text may refer to. The result may have too many files, because the end
  // of a name can depend on the text that follows it in the prompt.
  std::vector<std::filesystem::path> named_in(std::string_view text) const;

 private:
  std::vector<std::filesystem::path> folders_;
};

}  // namespace easel::text
