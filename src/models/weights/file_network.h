// Networks that are alone in a file and compute in f32, as their originals do whatever the card.
#pragma once

#include <memory>
#include <string>

#include "models/weights/packed_model.h"

namespace easel::models {

// Of a class that is constructed from nn::Weights, has bytes(), and a static check() that throws what the constructor
// would, without packing anything.
template <class Network>
struct FileNetwork {
  std::string file;
  std::shared_ptr<memory::Resident<Network>> model;
};

// `kind` tells networks of one file apart ("hed"), `name` is for messages ("HED"). Throws what the network's check()
// does.
template <class Network>
FileNetwork<Network> load_file_network(memory::Residency& residency,
                                       const std::shared_ptr<const StoredTensors>& tensors,
                                       const std::string& file_name, const std::string& kind, const std::string& name) {
  Network::check(nn::Weights(tensors, DType::kF32, file_name));
  return {file_name,
          packed_model<Network>(
              residency, name + " " + file_name, {kind, tensors, DType::kF32}, [=](const ops::Packer& packer) {
                return std::make_shared<const Network>(nn::Weights(tensors, DType::kF32, file_name, packer));
              })};
}

}  // namespace easel::models
