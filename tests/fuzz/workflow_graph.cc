// Workflows in the editor's form.
#include "fuzz/workflow.h"

EASEL_FUZZ([](easel::fuzz::Bytes bytes) {
  easel::fuzz::read_workflow(easel::fuzz::text_of(bytes), easel::workflow::Form::kGraph);
})
