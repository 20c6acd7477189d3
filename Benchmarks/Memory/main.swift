// How long a memory takes to say which fact speaks to a prompt, on one core; `Benchmarks/memory.py` makes the facts and runs it.
//
//     memory-benchmark PATCH <PROMPTS
//
// PROMPTS has one prompt a line. An answer is a line of JSON: seconds to open the patch, prompts that a fact spoke to, and milliseconds for
// each prompt: the mean and the most.

import Editing
import Glibc
import Patches

func seconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

guard CommandLine.arguments.count == 2, let line = readLine() else {
  print("usage: memory-benchmark patch < prompts")
  exit(64)
}
let begin = seconds()
guard let memory = try Memory([PatchFile(CommandLine.arguments[1])], threads: 1) else { exit(1) }
let opened = seconds() - begin
var prompts = [line]
while let line = readLine() { prompts.append(line) }
var (found, times) = (0, [Double]())
for prompt in prompts {
  let start = seconds()
  if try memory.recall(prompt) != nil { found += 1 }
  times.append(1000 * (seconds() - start))
}
let mean = times.reduce(0, +) / Double(times.count)
print("{\"open\": \(opened), \"found\": \(found), \"mean\": \(mean), \"most\": \(times.max() ?? 0)}")
