#include "ops/packing.h"

#include <utility>

namespace easel::ops {
namespace {

thread_local bool t_measuring = false;

}  // namespace

MeasuringScope::MeasuringScope() : before_(std::exchange(t_measuring, true)) {}
MeasuringScope::~MeasuringScope() { t_measuring = before_; }

bool measuring() { return t_measuring; }

}  // namespace easel::ops
