// The families of models that Easel runs, and the readers of their files.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tensors/model_file.h"
#include "models/handles.h"

namespace easel::models {

// A file's network, described for people.
struct NetworkDescription {
  const Family* family = nullptr;   // null for an unknown member of the family
  std::string network;              // what it is called: "UNet"
  std::string detail;               // "4 channels, text of width 768, eps prediction"
  std::string prediction;           // "eps", "v-prediction", "edm"
  std::string base_model;           // by the name of the tooling nodes' clients, as Family::base_model; may be empty
  std::string layout;               // "diffusers", or empty for the usual one
  std::string problem;              // why it cannot be used; empty if it can
  bool inpainting = false;          // takes a mask and the picture around it as further channels
  StoredTensors tensors;            // those tensors of the file that belong to it
  std::vector<std::string> unused;  // names in `tensors` that it does not use
};

// The reader of a group of families that share a network. It packs no weights.
struct ModelReader {
  enum class Found {
    kNothing,
    kCheckpoint,  // as checkpoints hold it, with or without other parts beside it
    kAlone,       // in a layout of files that hold nothing else
  };

  std::string_view runs;  // "SD 1.x, SD 2.x and SDXL", for the error about a file of another family
  std::span<const Family* const> families;
  // Whether a network of these families is in the file.
  Found (*find)(const StoredTensors& file);
  // A handle on the network. `unused` (may be null) gets the names in the file that the network does not use, including
  // those of other parts. Throws Error(kBadFile) naming the first missing tensor and the count, and
  // Error(kUnsupported).
  ModelHandle (*open)(const formats::ModelFile& file, memory::Residency& residency, DType compute,
                      std::vector<std::string>* unused);
  // Null for an unknown member of the family. Throws Error(kBadFile).
  const Family* (*family_of)(const formats::ModelFile& file);
  // Throws Error(kBadFile) if the file is too damaged to be described.
  NetworkDescription (*describe)(const formats::ModelFile& file);
};

std::span<const ModelReader* const> model_readers();
// The reader whose network is in the file, or null.
const ModelReader* find_reader(const StoredTensors& file);
// The family with this id, or null.
const Family* find_family(std::string_view id);
// "SD 1.x, SD 2.x, SDXL and the SDXL refiner": the families of all readers.
std::string families_there_are();
// For messages: what a file of a family without a reader seems to be ("Flux", "Stable Diffusion 3", ...), or empty.
std::string foreign_model(const StoredTensors& file);

}  // namespace easel::models
