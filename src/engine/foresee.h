// Finding out before anything is computed that models do not go together.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "node_api/context.h"
#include "node_api/table.h"
#include "workflow/validate.h"

namespace easel::engine {

// Goes through what the output nodes depend on and runs what looks at headers only: loaders, and each node's
// foresight; nodes with faults are passed over. What is found is added to the validation's faults as
// custom_validation_failed; outputs that depend on it are no longer runnable. Does nothing when links or classes are
// at fault, since then nobody knows what goes where.
void foresee(workflow::Validation& validation, const std::vector<std::string>& outputs, const nodes::Table& table,
             nodes::Context& context);

}  // namespace easel::engine
