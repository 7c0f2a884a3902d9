// What the demonstration shows of each technique.
#pragma once

#include <string>
#include <vector>

#include "techniques/techniques.h"
#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::cli {

// One picture of the demonstration.
struct Shown {
  std::string label;
  workflow::Prompt prompt;
};

// One technique: its references, and pictures over the values of what it is about.
struct ShownTechnique {
  std::string title;
  std::vector<std::string> references;  // names of input pictures, two at most
  std::vector<Shown> pictures;          // kShownPictures of them
};

inline constexpr size_t kShownReferences = 2, kShownPictures = 4;

// What can be shown of these techniques; those that lack model files are left out. Its input pictures are those of
// `easel pictures`.
std::vector<ShownTechnique> demonstration(const std::vector<techniques::Technique>& all,
                                          const workflow::NodeTable& table);

}  // namespace easel::cli
