#include "server/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>

namespace easel::server {
namespace {

constexpr std::array<double, 16> kBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                            2.5,   5,    10,    30,   60,  120,  300, 600};

std::string number(double v) {
  char text[40];
  if (v == std::floor(v) && std::abs(v) < 1e15) snprintf(text, sizeof text, "%.0f", v);
  else snprintf(text, sizeof text, "%.9g", v);
  return text;
}

std::string braces(const std::string& labels) { return labels.empty() ? "" : "{" + labels + "}"; }

}  // namespace

void Metrics::count(const std::string& name, const std::string& labels, double by) {
  MutexLock lock(mutex_);
  families_[name].values[labels] += by;
}

void Metrics::set(const std::string& name, double value, const std::string& labels) {
  MutexLock lock(mutex_);
  families_[name].values[labels] = value;
}

void Metrics::observe(const std::string& name, double seconds, const std::string& labels) {
  MutexLock lock(mutex_);
  Histogram& h = families_[name].histograms[labels];
  h.buckets.resize(kBounds.size());
  for (size_t i = 0; i < kBounds.size(); ++i) h.buckets[i] += seconds <= kBounds[i];
  h.sum += seconds;
  ++h.count;
}

void Metrics::describe(const std::string& name, const std::string& type, const std::string& help) {
  MutexLock lock(mutex_);
  families_[name].type = type;
  families_[name].help = help;
}

void Metrics::gauge(const std::string& name, const std::string& help, std::function<double()> read) {
  describe(name, "gauge", help);
  MutexLock lock(mutex_);
  families_[name].read = std::move(read);
}

void Metrics::gauges(const std::string& name, const std::string& help,
                     std::function<std::map<std::string, double>()> read) {
  describe(name, "gauge", help);
  MutexLock lock(mutex_);
  families_[name].read_all = std::move(read);
}

double Metrics::value(const std::string& name, const std::string& labels) const {
  MutexLock lock(mutex_);
  const auto family = families_.find(name);
  if (family == families_.end()) return 0;
  const auto value = family->second.values.find(labels);
  return value == family->second.values.end() ? 0 : value->second;
}

std::string Metrics::text() const {
  std::map<std::string, Family> families;
  {
    MutexLock lock(mutex_);
    families = families_;
  }
  std::string out;
  for (auto& [name, family] : families) {
    if (family.type.empty()) continue;
    out += "# HELP " + name + " " + family.help + "\n# TYPE " + name + " " + family.type + "\n";
    if (family.read) family.values[""] = family.read();
    if (family.read_all) family.values = family.read_all();
    for (const auto& [labels, value] : family.values) out += name + braces(labels) + " " + number(value) + "\n";
    for (const auto& [labels, h] : family.histograms) {
      const std::string comma = labels.empty() ? "" : labels + ",";
      for (size_t i = 0; i < kBounds.size(); ++i)
        out += name + "_bucket{" + comma + "le=\"" + number(kBounds[i]) + "\"} " +
               number(static_cast<double>(h.buckets[i])) + "\n";
      out += name + "_bucket{" + comma + "le=\"+Inf\"} " + number(static_cast<double>(h.count)) + "\n";
      out += name + "_sum" + braces(labels) + " " + number(h.sum) + "\n";
      out += name + "_count" + braces(labels) + " " + number(static_cast<double>(h.count)) + "\n";
    }
  }
  return out;
}

uint64_t resident_bytes() {
  FILE* file = std::fopen("/proc/self/statm", "re");
  if (!file) return 0;
  unsigned long total = 0, resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return read == 2 ? uint64_t{resident} * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

uint64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) << 10;
}

}  // namespace easel::server
