// How the command line talks to people and to programs.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace easel::cli {

// Whether standard error is a terminal a person looks at.
bool interactive();

// Text in bold or in colour when standard error is a terminal, unchanged otherwise ($NO_COLOR is respected).
std::string bold(std::string_view text);
std::string red(std::string_view text);
std::string dim(std::string_view text);

// Words in a row: "cpu, reference".
std::string joined(const std::vector<std::string>& words, std::string_view between = ", ");

// "512 B", "1.4 MiB", "6.9 GiB".
std::string human_bytes(uint64_t bytes);
// "0.8 s", "42 s", "3 min 20 s".
std::string human_seconds(double seconds);

// One line on standard error that is drawn over itself: label, bar, count, rate, time left. On anything but a
// terminal it writes a plain line when it is finished, and one about every ten seconds before.
class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;

  // `start`: when the work that is counted began.
  explicit ProgressBar(std::string label, Clock::time_point start = Clock::now());
  ~ProgressBar();  // finishes the line
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `unit` names what is counted, for the rate: seconds per step or run, but "MiB" per second.
  void update(double done, double total, std::string_view unit = "step");
  void finish();

 private:
  std::string line(double seconds) const;

  std::string label_, unit_;
  double done_ = 0, total_ = 0;
  Clock::time_point start_, drawn_{};
  bool open_ = false, finished_ = false;
};

}  // namespace easel::cli
