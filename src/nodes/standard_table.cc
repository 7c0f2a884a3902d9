#include "nodes/standard_table.h"

#include "library/folders.h"
#include "text/embeddings.h"

namespace easel::nodes {

// Generated from the list of files (nodes.cmake).
void register_all(Table& table);

namespace {

std::vector<std::filesystem::path> embeddings_in(const library::Folders& folders, std::string_view text) {
  if (!text::may_name_embeddings(text)) return {};  // most texts: the folders need not be looked through
  return text::EmbeddingFolders(folders.folders("embeddings")).named_in(text);
}

}  // namespace

const Table& standard_table() {
  static const Table table = [] {
    Table t;
    register_all(t);
    t.set_files_in_text(embeddings_in);
    return t;
  }();
  return table;
}

}  // namespace easel::nodes
