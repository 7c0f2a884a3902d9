// The subcommands of `easel`. Each add_NAME declares its flags on the app; what it does is run by its callback.
#pragma once

namespace CLI {
class App;
}

namespace easel::cli {

void add_run(CLI::App& app);
void add_convert(CLI::App& app);
void add_workflows(CLI::App& app);
void add_nodes(CLI::App& app);
void add_models(CLI::App& app);
void add_doctor(CLI::App& app);
void add_devices(CLI::App& app);
void add_synth(CLI::App& app);
void add_img2img(CLI::App& app);
void add_vary(CLI::App& app);
void add_style(CLI::App& app);
void add_sweep(CLI::App& app);
void add_demo(CLI::App& app);
void add_pictures(CLI::App& app);
void add_bench(CLI::App& app);
void add_serve(CLI::App& app);
void add_runner(CLI::App& app);
void add_fleet(CLI::App& app);
void add_queue(CLI::App& app);
void add_completion(CLI::App& app);

}  // namespace easel::cli
