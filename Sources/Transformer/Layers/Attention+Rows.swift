internal import Kernels

extension Attention {
  /// Segments in one task.
  private static let taskSegments = 16

  /// What each row takes from the positions it sees, wherever these are: for sequences that go on from each other, and for chosen
  /// rows. A row at a time, where `attend` takes products of many queries: most such sequences have a few.
  ///
  /// - Parameter finished: the rows, rising; `nil` for all.
  /// - Parameter mixed: one row for each of them.
  func mixRows(
    _ batch: Batch, finishing finished: [Int]?, _ tape: Tape, into mixed: Rows, window: Int?, work: Work
  ) {
    let count = (batch.segments.count + Self.taskSegments - 1) / Self.taskSegments
    work.forEach(count, cost: batch.attentionCost * shape.queryWidth) { task in
      let segments = task * Self.taskSegments..<min((task + 1) * Self.taskSegments, batch.segments.count)
      let first = batch.segments[segments.lowerBound].rows.lowerBound
      var place = finished.map { $0.firstPlace(notBelow: first) } ?? first
      for index in segments {
        let segment = batch.segments[index]
        let rows = segment.rows
        let wanted: [Int]
        if let finished {
          wanted = Array(finished[place...].prefix { $0 < rows.upperBound })
        } else {
          wanted = Array(rows)
        }
        if !wanted.isEmpty {
          mix(segment, wanted, tape, into: mixed, at: place, window: window)
        }
        place += wanted.count
      }
    }
  }

  /// Some rows of one sequence, to rows of `mixed` from `place` on.
  private func mix(
    _ segment: Batch.Segment, _ rows: [Int], _ tape: Tape, into mixed: Rows, at place: Int, window: Int?
  ) {
    let (total, stride) = (segment.positionCount, tape.keys.width)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: total) { scores in
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: total) { positions in
        // SAFETY: the shared ranges and the segment's own hold `total` rows of keys and values.
        var filled = 0
        for range in segment.shared + [segment.memory] {
          for row in range {
            positions[filled] = UInt32(row)
            filled += 1
          }
        }
        precondition(filled == total, "a row of keys per position")
        for (offset, row) in rows.enumerated() {
          let end = segment.pastCount + row - segment.rows.lowerBound + 1
          let start = window.map { max(0, end - $0) } ?? 0
          func attend(_ query: Int, heads: Int, from column: Int, to head: Int) {
            errata_attend(
              tape.projected.row(row) + query, shape.headWidth, heads, shape.groupCount, shape.headWidth,
              scale,
              cap ?? 0, tape.keys.base + column, tape.values.base + column, stride,
              positions.baseAddress! + start, end - start, scores.baseAddress!,
              mixed.row(place + offset) + head * shape.headWidth)
          }
          guard shape.isByGroup else {
            attend(shape.query(0), heads: shape.headCount, from: 0, to: 0)
            continue
          }
          for group in 0..<shape.keyValueHeadCount {
            let first = group * shape.groupCount
            attend(
              shape.query(first), heads: shape.groupCount, from: group * shape.headWidth, to: first)
          }
        }
      }
    }
  }
}
