// Which families there are, and who opens a file of which.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tensors/model_file.h"
#include "models/handles.h"

namespace easel::models {

// What a file's network is, for people.
struct NetworkDescription {
  const Family* family = nullptr;   // null for a member of the family that nobody knows
  std::string network;              // what it is called: "UNet"
  std::string detail;               // "4 channels, text of width 768, eps prediction"
  std::string layout;               // where there are several: "diffusers"; empty for the usual one
  std::string problem;              // why it cannot be used; empty when all is well
  bool inpainting = false;          // takes a mask and what surrounds it as further channels
  StoredTensors tensors;            // its own, of those in the file
  std::vector<std::string> unused;  // names in `tensors` that it does not ask for
};

// One for each group of families that share a network. Nothing is packed by any of them.
struct ModelReader {
  enum class Found {
    kNothing,
    kCheckpoint,  // as checkpoints hold it, with or without other parts beside it
    kAlone,       // in a layout of files that hold nothing else
  };

  std::string_view runs;  // "SD 1.x, SD 2.x and SDXL", for people whose file is of none
  std::span<const Family* const> families;
  // Whether a network of these families is in the file.
  Found (*find)(const StoredTensors& file);
  // A handle on it. `unused`, if wanted: names in the file that the network does not ask for, every tensor of other
  // parts among them. Throws Error(kBadFile) naming the first missing tensor and the count, and Error(kUnsupported).
  ModelHandle (*open)(const formats::ModelFile& file, memory::Residency& residency, DType compute,
                      std::vector<std::string>* unused);
  // Null for a member of the family that nobody knows. Throws Error(kBadFile).
  const Family* (*family_of)(const formats::ModelFile& file);
  // Throws Error(kBadFile) when not even that can be said.
  NetworkDescription (*describe)(const formats::ModelFile& file);
};

std::span<const ModelReader* const> model_readers();
// The one whose network is in the file, or null.
const ModelReader* find_reader(const StoredTensors& file);
// By its id; null when there is none.
const Family* find_family(std::string_view id);
// "SD 1.x, SD 2.x, SDXL and the SDXL refiner": what all readers together run.
std::string families_there_are();
// What a file of a family without a reader seems to be ("Flux", "Stable Diffusion 3", ...), or empty: for messages.
std::string foreign_model(const StoredTensors& file);

}  // namespace easel::models
