#include "cli/reports/doctor.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/parallel.h"
#include "cli/desktop.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "models/checkpoint/describe.h"
#include "ops/backend.h"
#include "ops/cpu/isa.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kGiB = uint64_t{1} << 30;

// The value of the first line "NAME   : VALUE" of one of the system's tables; empty when there is none.
std::string value_of(const char* table, const std::string& name) {
  std::ifstream file(table);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.find_first_not_of(" \t", name.size()) != colon) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return {};
}

// Of /proc/meminfo, which counts in KiB.
uint64_t memory_bytes(const std::string& name) {
  const std::string value = value_of("/proc/meminfo", name);
  return value.empty() ? 0 : std::strtoull(value.c_str(), nullptr, 10) * 1024;
}

// The word in brackets: "always [madvise] never".
std::string chosen(const char* setting) {
  std::ifstream file(setting);
  std::string line;
  std::getline(file, line);
  const size_t begin = line.find('['), end = line.find(']');
  return begin == std::string::npos || end == std::string::npos ? "" : line.substr(begin + 1, end - begin - 1);
}

std::optional<double> cpu_quota() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (!(file >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;  // "max" is no limit
  return quota / period;
}

// The kind of processor: "x86_64", "aarch64".
std::string architecture() {
  utsname system{};
  return uname(&system) == 0 ? system.machine : "unknown";
}

MachineFacts machine_facts(const engine::Engine& engine) {
  MachineFacts out;
  out.processor = value_of("/proc/cpuinfo", "model name");
  if (out.processor.empty()) out.processor = architecture();
  out.threads = thread_count();
  out.cpu_quota = cpu_quota();
  for (const auto level : ops::cpu::isa_levels()) out.levels.emplace_back(ops::cpu::isa_name(level));
  out.level = ops::cpu::isa_name(ops::cpu::isa());
  out.precision = dtype_name(ops::backend(ops::compute_device()).native_type());
  for (const Device& device : ops::devices()) out.devices.push_back(device_name(device));
  const ops::NoCard none = ops::no_card();
  out.no_card = none.why;
  out.no_card_advice = none.advice;
  out.memory = memory_bytes("MemTotal");
  out.memory_available = memory_bytes("MemAvailable");
  out.budget = engine.memory_budget();
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) out.address_space = limit.rlim_cur;
  out.huge_pages = chosen("/sys/kernel/mm/transparent_hugepage/enabled");
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out.open_files = limit.rlim_max;
  return out;
}

class Examination {
 public:
  Examination(const engine::Engine& engine, fs::path models) : engine_(engine), models_(std::move(models)) {}

  Checkup go() {
    out_.machine = machine_facts(engine_);
    judge_machine();
    look_at_models();
    look_at_places();
    look_at_port();
    std::stable_sort(out_.findings.begin(), out_.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.gravity > b.gravity; });
    return std::move(out_);
  }

 private:
  void note(std::string says, std::string advice) {
    out_.findings.push_back({.says = std::move(says), .advice = std::move(advice)});
  }
  void problem(Fault fault, std::string says, std::string advice) {
    out_.findings.push_back(
        {.gravity = Gravity::kProblem, .fault = fault, .says = std::move(says), .advice = std::move(advice)});
  }

  void judge_machine() {
    const MachineFacts& m = out_.machine;
    if (m.level == "base" && architecture() == "x86_64")  // elsewhere it has vectors as well
      note("the kernels run without vector instructions of AVX2, several times slower than with them",
           std::getenv("EASEL_ISA") ? "Unset EASEL_ISA" : "This processor, or the virtual machine, has none");
    if (const char* level = std::getenv("EASEL_ISA"))
      note("EASEL_ISA=" + std::string(level) + " is set, so the instruction level is not chosen by itself",
           "Unset it but for comparisons");
    if (const char* device = std::getenv("EASEL_BACKEND"))
      note("EASEL_BACKEND=" + std::string(device) + " is set, so the device is not chosen by itself",
           "Unset it but for comparisons");
    if (m.cpu_quota && *m.cpu_quota < m.threads)
      note("the container may use " + std::to_string(*m.cpu_quota).substr(0, 4) + " cores, but there are " +
               std::to_string(m.threads) + " threads, which then wait for each other",
           "Give it more, or run with --threads " + std::to_string(std::max(1, static_cast<int>(*m.cpu_quota))));
    if (m.budget > 0 && m.budget < 3 * kGiB)
      note("Easel may use " + human_bytes(m.budget) + " of memory: SD 1.5 needs 2 GiB at 512x512, SDXL 6 at 1024x1024",
           "Use --precision int8, smaller pictures, or a machine with more memory");
    if (m.address_space > 0 && m.address_space < m.memory)
      note("the address space of a process is limited to " + human_bytes(m.address_space) +
               ", and model files are mapped into it",
           "ulimit -v unlimited");
    if (m.huge_pages == "never")
      note("huge pages are off, so weights take longer to be read",
           "As root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
    if (m.open_files < 1024)
      note("a process may open " + std::to_string(m.open_files) + " files, so a server takes few connections",
           "Raise the limit: ulimit -n 4096, or LimitNOFILE= of a systemd unit");
  }

  void look_at_models() {
    std::error_code failed;
    if (!fs::is_directory(models_, failed)) {
      if (engine_.folders().has_built_in())
        return note("there is no model folder '" + models_.string() + "', so only Easel's own small models are used",
                    "Name one with --models; docs/models.md says which files go where");
      problem(Fault::kMissing, "there is no model folder '" + models_.string() + "'",
              "Name one with --models, or make small synthetic files with: easel synth " + models_.string());
      return;
    }
    const library::Folders& folders = engine_.folders();
    size_t own = 0;
    for (const std::string& kind : folders.kinds()) {
      const auto names = folders.list(kind);
      own += static_cast<size_t>(std::count_if(names.begin(), names.end(),
                                               [&](const std::string& name) { return !folders.built_in(kind, name); }));
      const size_t first = out_.folders.size();
      for (const fs::path& folder : folders.folders(kind)) {
        if (!fs::is_directory(folder, failed)) continue;
        out_.folders.push_back({.kind = kind, .path = folder});
        look_for_what_is_not_listed(folder);
      }
      for (const std::string& name : names) {
        const auto path = folders.try_find(kind, name);
        if (!path) continue;
        for (size_t i = first; i < out_.folders.size(); ++i)
          if (path->string().starts_with((out_.folders[i].path / "").string())) {
            ++out_.folders[i].files;
            break;
          }
        look_at_file(kind, name, *path);
      }
    }
    if (own == 0 && folders.has_built_in())
      note("no model file is in '" + models_.string() + "', so only Easel's own small models are used",
           "docs/models.md says which files go where");
    else if (own == 0)
      problem(Fault::kMissing, "no model file is in '" + models_.string() + "'",
              "docs/models.md says which files go where; easel synth " + models_.string() + " makes synthetic ones");
    else if (folders.list("checkpoints").empty() && folders.list("diffusion_models").empty())
      note("there is no checkpoint in '" + models_.string() + "', so nothing can be drawn",
           "Put one into its folder checkpoints/");
  }

  void look_at_file(const std::string& kind, const std::string& name, const fs::path& path) {
    interrupt_token().check();
    if (!seen_.insert(fs::weakly_canonical(path)).second) return;
    ++out_.model_files;
    const std::string shown = kind + "/" + name;
    try {
      const auto d = models::describe_file(path);
      const std::string folder = models::file_kind_folder(d.kind);
      if (!d.problem.empty())
        problem(Fault::kUnsupported, shown + ": " + d.problem, "Use another file, or take it out of the folder");
      else if (!folder.empty() && folder != kind)
        note(shown + " is a file of another kind, which nodes look for in " + folder + "/", "Move it there");
    } catch (const Error& e) {
      if (e.fault() == Fault::kCancelled) throw;
      problem(e.fault(), shown + ": " + e.message(), e.advice().empty() ? "Download it again" : e.advice());
    }
  }

  // Folders and files that may not be read, and links to nothing: lists pass over them.
  void look_for_what_is_not_listed(const fs::path& folder) {
    std::error_code failed;
    const auto unreadable = [this](const std::string& what, const fs::path& path, const char* advice) {
      problem(Fault::kMissing, "the " + what + " '" + path.string() + "' may not be read", advice);
    };
    if (access(folder.c_str(), R_OK | X_OK) != 0) return unreadable("folder", folder, "chmod u+rx, or chown");
    const auto walked = walk_files(folder, {}, [&](const fs::directory_entry& entry) {
      interrupt_token().check();
      if (entry.is_symlink(failed) && !fs::exists(entry.path(), failed))
        problem(Fault::kMissing,
                "'" + entry.path().string() + "' is a link to '" + fs::read_symlink(entry.path(), failed).string() +
                    "', which is not there",
                "Mend the link or delete it");
      else if (entry.is_regular_file(failed) && access(entry.path().c_str(), R_OK) != 0)
        unreadable("file", entry.path(), "chmod u+r, or chown");
      return true;
    });
    for (const WalkedFolder& one : walked)
      for (const auto& entry : fs::directory_iterator(one.path, failed))
        if (entry.is_directory(failed) && access(entry.path().c_str(), R_OK | X_OK) != 0)
          unreadable("folder", entry.path(), "chmod u+rx, or chown");
  }

  // Where pictures are read from and saved. A folder that is not there yet is made when it is needed.
  void look_at_places() {
    const auto& places = engine_.directories();
    for (const fs::path& place : {places.output, places.temp}) {
      fs::path above = fs::absolute(place);
      std::error_code failed;
      while (!fs::exists(above, failed) && above.has_relative_path()) above = above.parent_path();
      if (!fs::is_directory(above, failed))
        problem(Fault::kUsage,
                "'" + above.string() + "' is no folder, so nothing can be saved in '" + place.string() + "'",
                "Name another one with --output or --temp");
      else if (access(above.c_str(), W_OK | X_OK) != 0)
        problem(Fault::kUsage,
                "nothing can be saved in '" + place.string() + "': '" + above.string() + "' is not yours to write",
                "Name another one with --output or --temp");
      else if (place == places.output) {
        const auto space = fs::space(above, failed);
        if (failed) continue;
        out_.disk_free = space.available;
        if (space.available < kGiB)
          problem(Fault::kMemory, "the disk of '" + place.string() + "' has " + human_bytes(space.available) + " left",
                  "Make room, or name another folder with --output");
      }
    }
  }

  void look_at_port() {
    constexpr uint16_t kPort = 8188;
    if (is_served(kPort))
      note("port " + std::to_string(kPort) + " is taken: a server runs already, Easel's or ComfyUI's",
           "Start another one with: easel serve --port 8189");
  }

  const engine::Engine& engine_;
  const fs::path models_;
  std::set<fs::path> seen_;
  Checkup out_;
};

}  // namespace

std::optional<Fault> Checkup::fault() const {
  for (const Finding& finding : findings)
    if (finding.gravity == Gravity::kProblem) return finding.fault;
  return std::nullopt;
}

Checkup examine(const engine::Engine& engine, const fs::path& models) { return Examination(engine, models).go(); }

}  // namespace easel::cli
