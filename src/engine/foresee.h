// Finding out before anything is computed that models do not go together.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nodes/context.h"
#include "nodes/table.h"
#include "workflow/validate.h"

namespace easel::engine {

// Goes through the nodes (in dependency order) and runs what looks at headers only: loaders, and each node's
// foresight. What is found is added to the validation's faults as custom_validation_failed; outputs that depend on it
// are no longer runnable.
void foresee(workflow::Validation& validation, const std::vector<std::string>& order, const nodes::Table& table,
             nodes::Context& context);

}  // namespace easel::engine
