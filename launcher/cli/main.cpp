// voxlift: the light commands, and the door to voxlift-trainer.

#include "launcher/cli/bench_command.h"
#include "launcher/cli/command.h"
#include "launcher/cli/doctor_command.h"
#include "launcher/cli/inspect_command.h"
#include "launcher/cli/pack_command.h"
#include "launcher/cli/plan_command.h"
#include "launcher/cli/synth_command.h"
#include "launcher/cli/trainer_program.h"
#include "launcher/cli/verify_command.h"

int main(int argc, char** argv) {
  namespace launcher = voxlift::launcher;
  const launcher::Program program{
      .name = "voxlift",
      .summary = "pre-trains 3D networks on photographs, fine-tunes on scans",
      .commands = {
          launcher::make_synth_command(), launcher::make_pack_command(),
          launcher::make_inspect_command(), launcher::make_verify_command(),
          launcher::make_bench_command(), launcher::make_doctor_command(),
          launcher::make_plan_command(),
          launcher::make_trainer_command(
              "train", "train a network on a packed data set"),
          launcher::make_trainer_command(
              "evaluate", "score a checkpoint on a packed data set"),
          launcher::make_trainer_command(
              "experiment",
              "compare initialisations over epochs and label shares"),
          launcher::make_trainer_command("predict",
                                         "apply a trained network to scans"),
          launcher::make_trainer_command("export",
                                         "write weights for other programs"),
          launcher::make_trainer_command(
              "import", "make another program's weights ours")}};
  return launcher::run_program(program, launcher::arguments_of(argc, argv));
}
