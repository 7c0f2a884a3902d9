// Adds nodes of one extension and category that need nothing but inputs, a run and, where their outputs have sizes, a
// foresight.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "node_api/table.h"

namespace easel::nodes {

struct AddNode {
  Table& table;
  const char* origin = "";
  const char* category = "";

  template <class P>
  void node(const char* name, const char* description, Inputs<P> inputs, Run<P> run,
            std::vector<OutputLabel> outputs = {}, Foresee<P> foresee = {}) const {
    table.add(NodeOf<P>{.name = name,
                        .category = category,
                        .description = description,
                        .origin = origin,
                        .inputs = std::move(inputs),
                        .outputs = std::move(outputs),
                        .run = std::move(run),
                        .foresee = std::move(foresee)});
  }
};

}  // namespace easel::nodes
