// How long a memory takes to say which fact speaks to a prompt, on one core; `Benchmarks/memory.py` makes the facts and runs it.
//
//     memory-benchmark PATCH MODEL <PROMPTS
//
// PROMPTS has one prompt a line. An answer is a line of JSON: seconds to open the patch, prompts that a fact spoke to, milliseconds for
// each prompt, the mean and the most, and those that its state takes, where the route looks at states: that is the model's time, not the route's.

import Editing
import Glibc
import ModelFiles
import Patches

func seconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

guard CommandLine.arguments.count == 3, let line = readLine() else {
  print("usage: memory-benchmark patch model < prompts")
  exit(64)
}
let patch = try PatchFile(CommandLine.arguments[1])
let begin = seconds()
guard try Memory([patch], threads: 1) != nil else { exit(1) }
let opened = seconds() - begin
let model = try LanguageModel(ModelFile(CommandLine.arguments[2]), threads: 1).applying([patch])
guard let memory = model.memory else { exit(1) }
var prompts = [line]
while let line = readLine() { prompts.append(line) }
let reading = seconds()
try memory.prepare(prompts)
let read = 1000 * (seconds() - reading) / Double(prompts.count)
var (found, times) = (0, [Double]())
for prompt in prompts {
  let start = seconds()
  if try memory.recall(prompt) != nil { found += 1 }
  times.append(1000 * (seconds() - start))
}
let mean = times.reduce(0, +) / Double(times.count)
print(
  "{\"open\": \(opened), \"found\": \(found), \"mean\": \(mean), \"most\": \(times.max() ?? 0), \"state\": \(read)}"
)
