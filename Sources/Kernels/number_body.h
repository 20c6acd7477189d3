// Kernels of numbers.c for elements of one width: WIDTH, ELEMENT and SIGNED are set by the including file.

static size_t NAME(count_different)(const void *base, const void *edited, size_t count) {
  const ELEMENT *b = base, *e = edited;
  size_t different = 0;
  for (size_t i = 0; i < count; i++) different += b[i] != e[i];
  return different;
}

INLINE uint32_t NAME(exponent)(errata_elements kind, ELEMENT bits) {
  return (uint32_t)(bits >> kind.exponent_shift) & (kind.exponent_count - 1);
}

static void NAME(count_exponents)(errata_elements kind, const void *elements, size_t count, uint32_t *counts) {
  const ELEMENT *e = elements;
  for (size_t i = 0; i < count; i++) counts[NAME(exponent)(kind, e[i])]++;
}

// Sign and magnitude become two's complement with −0 at −1: flipping all bits but the sign of negative numbers.
// The map is its own inverse.
INLINE ELEMENT NAME(ordered)(ELEMENT magnitude, ELEMENT bits) {
  return bits ^ ((ELEMENT)((SIGNED)bits >> (8 * WIDTH - 1)) & magnitude);
}

// All bits but the sign where the sign stands first; no bits where numbers are plain.
INLINE ELEMENT NAME(magnitude)(errata_elements kind) {
  return kind.is_sign_first ? (ELEMENT)~((ELEMENT)1 << (8 * WIDTH - 1)) : 0;
}

// The contexts of a stretch of elements, as one side tells them.
INLINE void NAME(contexts)(errata_elements kind, const context_rule *rule, const ELEMENT *elements, size_t count,
                           uint64_t first, uint8_t *contexts) {
  if (kind.exponent_count > 256) {
    for (size_t i = 0; i < count; i++) contexts[i] = rule->clusters[NAME(exponent)(kind, elements[i])];
  } else if (kind.exponent_count) {
    // Counting the clusters that begin at or below an exponent takes many elements at once; looking it up does not.
    uint8_t exponents[stretch];
    size_t i = 0;
    for (size_t j = 0; j < count; j++) exponents[j] = (uint8_t)NAME(exponent)(kind, elements[j]);
    for (; i + sizeof(bytes) <= count; i += sizeof(bytes)) {
      bytes own, cluster = {0};
      memcpy(&own, exponents + i, sizeof own);
      for (size_t k = 1; k < rule->cluster_count; k++) cluster -= (bytes)(own >= rule->firsts[k]);
      memcpy(contexts + i, &cluster, sizeof cluster);
    }
    for (; i < count; i++) contexts[i] = rule->clusters[exponents[i]];
  } else if (kind.period) {
    uint64_t place = first % kind.period;
    for (size_t i = 0; i < count; i++) {
      contexts[i] = rule->clusters[place];
      if (++place == kind.period) place = 0;
    }
  } else {
    memset(contexts, 0, count);
  }
}

static void NAME(find_symbols)(errata_elements kind, const uint8_t *clusters, const void *base, const void *edited,
                               size_t count, uint64_t first, size_t context_count, errata_symbols *out) {
  const ELEMENT *b = base, *e = edited, magnitude = NAME(magnitude)(kind);
  const context_rule rule = rule_of(kind, clusters);
  raw_writer raw = {out->raw, 0, 0};
  size_t crossings = 0;
  // Two banks: the same count twice in a row would wait for itself.
  uint32_t *counts = out->counts, *bank = counts + context_count * errata_symbol_limit;
  memset(counts, 0, 2 * context_count * errata_symbol_limit * sizeof *counts);
  for (size_t at = 0; at < count; at += stretch) {
    size_t n = count - at < stretch ? count - at : stretch;
    uint16_t *codes = out->codes + at;
    uint8_t contexts[stretch], others[stretch];
    ELEMENT numbers[stretch];
    for (size_t i = 0; i < n; i++) {
      ELEMENT d = (ELEMENT)(NAME(ordered)(magnitude, e[at + i]) - NAME(ordered)(magnitude, b[at + i]));
      numbers[i] = (ELEMENT)((ELEMENT)(d << 1) ^ (ELEMENT)((SIGNED)d >> (8 * WIDTH - 1)));
    }
    NAME(contexts)(kind, &rule, b + at, n, first + at, contexts);
    for (size_t i = 0; i < n; i++) codes[i] = (uint16_t)(contexts[i] << 8 | (numbers[i] & (direct_symbols - 1)));
    for (size_t part = 0; part < n; part += 16) {
      size_t end = part + 16 < n ? part + 16 : n;
      ELEMENT all = 0;
      for (size_t i = part; i < end; i++) all |= numbers[i];
      if (all < direct_symbols) continue;
      for (size_t i = part; i < end; i++) {
        if (numbers[i] < direct_symbols) continue;
        uint32_t symbol = symbol_of(WIDTH, numbers[i]);
        codes[i] = (uint16_t)(contexts[i] << 8 | symbol);
        put_raw(&raw, numbers[i], raw_bits(WIDTH, symbol));
      }
    }
    size_t i = 0;
    for (; i + 2 <= n; i += 2) {
      counts[codes[i]] += 2;
      bank[codes[i + 1]] += 2;
    }
    if (i < n) counts[codes[i]] += 2;
    if (!kind.exponent_count) continue;
    NAME(contexts)(kind, &rule, e + at, n, first + at, others);
    for (size_t part = 0; part < n; part += 16) {
      size_t end = part + 16 < n ? part + 16 : n;
      uint8_t different = 0;
      for (size_t j = part; j < end; j++) different |= contexts[j] ^ others[j];
      if (!different) continue;
      for (size_t j = part; j < end; j++) {
        if (contexts[j] == others[j]) continue;
        // Of the two that were counted for the base's cluster, one goes to the other.
        uint32_t symbol = codes[j] & 0xff;
        counts[codes[j]]--;
        counts[others[j] << 8 | symbol]++;
        codes[j] = (uint16_t)(errata_crossing_context << 8 | symbol);
        out->crossings[crossings++] = (errata_crossing){(uint32_t)(at + j), contexts[j], others[j]};
      }
    }
  }
  for (size_t i = 0; i < context_count * errata_symbol_limit; i++) counts[i] += bank[i];
  out->crossing_count = crossings;
  finish_raw(&raw);
  out->raw_length = (size_t)(raw.out - out->raw);
}

// Decodes a stretch from element `from` on: places[i] becomes the ordinal of the other side. It begins with state 0.
INLINE void NAME(decode)(reader *r, errata_elements kind, const uint8_t *clusters, errata_coder *coder,
                         const uint8_t *contexts, size_t from, size_t n, uint32_t exception, int is_forward,
                         ELEMENT *places) {
  const uint32_t (*entries)[errata_slot_count] = (const void *)coder->entries;
  for (size_t i = from; i < n; i++) {
    uint32_t x = r->state[i % state_count], context = contexts[i], entry = entries[context][x % errata_slot_count];
    uint32_t symbol = entry_symbol(entry);
    ELEMENT number = (ELEMENT)symbol;
    if (symbol >= direct_symbols) number = (ELEMENT)number_of(WIDTH, symbol, take_raw(r, raw_bits(WIDTH, symbol)));
    ELEMENT step = (ELEMENT)((number >> 1) ^ (ELEMENT)(0 - (number & 1)));
    ELEMENT place = is_forward ? places[i] + step : places[i] - step;
    places[i] = place;
    uint32_t next = entry_share(entry) * (x >> slot_bits) + entry_rank(entry);
    if (kind.exponent_count) {
      ELEMENT bits = place ^ (ELEMENT)((SIGNED)place >> (8 * WIDTH - 1));
      uint32_t cluster = clusters[bits >> kind.exponent_shift];
      if (__builtin_expect(cluster != context, 0) && context != exception)
        next = cross(r, coder, context, cluster, symbol, x);
    }
    if (next < lowest_state) {
      if (r->words == r->words_end) {
        r->failed = 1;
        return;
      }
      next = next << 16 | (uint32_t)r->words[0] | (uint32_t)r->words[1] << 8;
      r->words += 2;
    }
    r->state[i % state_count] = next;
  }
}

static int NAME(add_differences)(errata_elements kind, const uint8_t *clusters, errata_coder *coder, uint8_t exception,
                                 const uint32_t *exceptions, size_t exception_count, const uint8_t *bytes,
                                 size_t length, int sign, const void *source, void *target, size_t count,
                                 uint64_t first) {
  const ELEMENT *s = source, magnitude = NAME(magnitude)(kind);
  ELEMENT *t = target;
  reader r;
  if (!start(&r, bytes, length)) return 0;
  int has_empty = 0;
  for (size_t table = 0; table < coder->table_count; table++)
    has_empty |= coder->is_empty[table] && (table != exception || exception_count > 0);
  const context_rule rule = rule_of(kind, clusters);
  for (size_t at = 0, next = 0; at < count; at += stretch) {
    size_t n = count - at < stretch ? count - at : stretch, done = 0;
    uint8_t contexts[stretch];
    ELEMENT places[stretch];
    NAME(contexts)(kind, &rule, s + at, n, first + at, contexts);
    for (; next < exception_count && exceptions[next] < at + n; next++) contexts[exceptions[next] - at] = exception;
    if (has_empty)
      for (size_t j = 0; j < n; j++)
        if (coder->is_empty[contexts[j]]) return 0;
    for (size_t j = 0; j < n; j++) places[j] = NAME(ordered)(magnitude, s[at + j]);
#if VECTOR && WIDTH == 2
    if (kind.exponent_count)
      done = decode_vector(&r, kind, &rule, coder, contexts, n, sign > 0, places);
#endif
    if (sign > 0)
      NAME(decode)(&r, kind, clusters, coder, contexts, done, n, exception, 1, places);
    else
      NAME(decode)(&r, kind, clusters, coder, contexts, done, n, exception, 0, places);
    if (r.failed) return 0;
    for (size_t j = 0; j < n; j++) t[at + j] = NAME(ordered)(magnitude, places[j]);
  }
  return is_done(&r);
}

#undef WIDTH
#undef ELEMENT
#undef SIGNED
