import Testing

@testable import Floor

@Suite struct MemoryLimitTests {
  @Test func `the groups around a process count too`() {
    // As /proc/self/cgroup reads on a node with both hierarchies.
    let groups = "4:memory:/slurm/job_7/step_0\n3:cpuset:/\n1:name=systemd:/\n0::/user.slice/a\n"
    #expect(
      MemoryLimit.groupLimits(groups) == [
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/slurm/job_7/step_0/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/slurm/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/user.slice/a/memory.max",
        "/sys/fs/cgroup/user.slice/memory.max",
      ])
    #expect(MemoryLimit.groupLimits("nonsense\n0::/../..\n") == ["/sys/fs/cgroup/memory.max"])
  }

  @Test func `a limit is a number above zero`() {
    #expect(MemoryLimit.number("1073741824\n") == 1 << 30)
    for text in ["max\n", "", "0\n", "-1\n", "99999999999999999999\n"] {
      #expect(MemoryLimit.number(text) == nil)
    }
    #expect(MemoryLimit.byteCount > 0)
  }

  @Test func `sizes are read as queues write them`() {
    #expect(MemoryLimit.size("24G") == 24 << 30)
    #expect(MemoryLimit.size("512m") == 512 << 20)
    #expect(MemoryLimit.size("3K") == 3072)
    #expect(MemoryLimit.size("1000") == 1000)
    for text in ["", "G", "-1G", "1.5G", "0", "9999999999T", "24 G", "1GB"] {
      #expect(MemoryLimit.size(text) == nil, "\(text)")
    }
  }
}
