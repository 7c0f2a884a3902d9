// Counters and histograms in the text form that Prometheus reads.
// https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace easel::server {

// Thread-safe. Names and labels come from the code, never from requests, so their number is bounded.
class Metrics {
 public:
  // `labels` is the text between the braces, e.g. R"(status="200")", or empty.
  void count(const std::string& name, const std::string& labels = {}, double by = 1);
  void set(const std::string& name, double value, const std::string& labels = {});
  // Adds one observation, in seconds, to a histogram with buckets from 5 ms to 10 min.
  void observe(const std::string& name, double seconds, const std::string& labels = {});
  // What a name means; families without one are not shown. type: "counter", "gauge" or "histogram".
  void describe(const std::string& name, const std::string& type, const std::string& help);
  // A gauge that is read when asked for.
  void gauge(const std::string& name, const std::string& help, std::function<double()> read);

  // A gauge with several values, by their labels, that are read when asked for.
  void gauges(const std::string& name, const std::string& help, std::function<std::map<std::string, double>()> read);

  // What was counted or set last; 0 when nothing was.
  double value(const std::string& name, const std::string& labels = {}) const;
  std::string text() const;

 private:
  struct Histogram {
    std::vector<uint64_t> buckets;
    double sum = 0;
    uint64_t count = 0;
  };
  struct Family {
    std::string type, help;
    std::map<std::string, double> values;
    std::map<std::string, Histogram> histograms;
    std::function<double()> read;
    std::function<std::map<std::string, double>()> read_all;
  };
  mutable Mutex mutex_;
  std::map<std::string, Family> families_ EASEL_GUARDED_BY(mutex_);
};

// Bytes of memory this process holds right now, and at its highest.
uint64_t resident_bytes();
uint64_t peak_resident_bytes();

}  // namespace easel::server
