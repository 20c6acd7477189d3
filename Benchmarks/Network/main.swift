// A process that does what it is told, one job a line, and says what each cost. `Benchmarks/network.py` talks to it, and
// to another that does the same jobs with torch.
//
//     network-benchmark FOLDER-OF-A-MODEL THREADS
//
// An answer is a line of JSON: seconds by the clock, seconds of the processor, and a number that both sides must agree on.

import Glibc
import LinearAlgebra
import ModelFiles
import Transformer

guard CommandLine.arguments.count == 3, let threads = Int(CommandLine.arguments[2]) else {
  print("usage: network-benchmark folder-of-a-model threads")
  exit(64)
}
let jobs = try Jobs(Network(ModelFile(CommandLine.arguments[1]), threads: threads))
while let line = readLine() {
  let cost =
    switch line {
    case "forward": try jobs.forward()
    case "step": try jobs.step()
    case "decode 1": try jobs.decode(sequences: 1)
    case "decode 8": try jobs.decode(sequences: 8)
    case "sgemm": jobs.sgemm()
    case "read": jobs.read()
    default: fatalError("no job of that name: \(line)")
    }
  print("{\"wall\": \(cost.wall), \"cpu\": \(cost.cpu), \"result\": \(cost.result)}")
  fflush(nil)
}
