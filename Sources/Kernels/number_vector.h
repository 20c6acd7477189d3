// Eight states at once, for 16-bit floats. It does what `decode` of number_body.h does, element by element in its order.

// What stays the same over a tile.
typedef struct {
  const int *entries;
  __m256i first, last, flip;
  __m128i shift;
} vector_tables;

// Decodes eight elements by their states: places become ordinals of the other side. Returns the states before words are taken.
INLINE __m256i decode_eight(reader *r, const vector_tables *v, const uint8_t *clusters, errata_coder *coder,
                            const uint8_t *contexts, __m256i x, uint16_t *places) {
  const __m256i one = _mm256_set1_epi32(1), slot_mask = _mm256_set1_epi32(errata_slot_count - 1);
  __m256i context = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)contexts));
  __m256i index = _mm256_or_si256(_mm256_slli_epi32(context, slot_bits), _mm256_and_si256(x, slot_mask));
  __m256i entry = _mm256_i32gather_epi32(v->entries, index, 4);
  __m256i symbol = _mm256_and_si256(entry, _mm256_set1_epi32(255));
  __m256i share = _mm256_add_epi32(_mm256_srli_epi32(entry, 20), one);
  __m256i rank = _mm256_and_si256(_mm256_srli_epi32(entry, 8), slot_mask);
  __m256i next = _mm256_add_epi32(_mm256_mullo_epi32(share, _mm256_srli_epi32(x, slot_bits)), rank);
  __m256i step = _mm256_xor_si256(_mm256_srli_epi32(symbol, 1),
                                  _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_and_si256(symbol, one)));
  __m256i is_long = _mm256_cmpgt_epi32(symbol, _mm256_set1_epi32(direct_symbols - 1));
  uint32_t with_raw = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(is_long));
  if (with_raw) {
    uint32_t symbols[8];
    int32_t steps[8];
    _mm256_storeu_si256((__m256i *)symbols, symbol);
    _mm256_storeu_si256((__m256i *)steps, step);
    for (; with_raw; with_raw &= with_raw - 1) {
      int lane = __builtin_ctz(with_raw);
      uint32_t number = (uint32_t)number_of(2, symbols[lane], take_raw(r, raw_bits(2, symbols[lane])));
      steps[lane] = (int32_t)(number >> 1 ^ (0 - (number & 1)));
    }
    step = _mm256_loadu_si256((const __m256i *)steps);
  }
  __m256i place = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)places));
  place = _mm256_add_epi32(place, _mm256_sub_epi32(_mm256_xor_si256(step, v->flip), v->flip));
  place = _mm256_srai_epi32(_mm256_slli_epi32(place, 16), 16);
  __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(place, place), 0x08);
  _mm_storeu_si128((__m128i *)places, _mm256_castsi256_si128(packed));

  __m256i exponent = _mm256_srl_epi32(_mm256_xor_si256(place, _mm256_srai_epi32(place, 31)), v->shift);
  __m256i by_byte = _mm256_or_si256(context, _mm256_set1_epi32((int)0xffffff00));
  __m256i outside = _mm256_or_si256(_mm256_cmpgt_epi32(_mm256_shuffle_epi8(v->first, by_byte), exponent),
                                    _mm256_cmpgt_epi32(exponent, _mm256_shuffle_epi8(v->last, by_byte)));
  uint32_t crossing = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(outside));
  if (__builtin_expect(crossing != 0, 0)) {
    uint32_t before[8], after[8], symbols[8], exponents[8];
    _mm256_storeu_si256((__m256i *)before, x);
    _mm256_storeu_si256((__m256i *)after, next);
    _mm256_storeu_si256((__m256i *)symbols, symbol);
    _mm256_storeu_si256((__m256i *)exponents, exponent);
    for (; crossing; crossing &= crossing - 1) {
      int lane = __builtin_ctz(crossing);
      after[lane] = cross(r, coder, contexts[lane], clusters[exponents[lane]], symbols[lane], before[lane]);
    }
    next = _mm256_loadu_si256((const __m256i *)after);
  }
  return next;
}

// States below the lowest take a word each, in the order of their elements.
INLINE __m256i take_words(errata_coder *coder, __m256i x, const uint8_t **words) {
  __m256i is_low = _mm256_cmpeq_epi32(_mm256_min_epu32(x, _mm256_set1_epi32((int)lowest_state - 1)), x);
  uint32_t lows = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(is_low));
  __m256i word = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)*words));
  __m256i order = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)coder->spread[lows]));
  word = _mm256_permutevar8x32_epi32(word, order);
  *words += 2 * __builtin_popcount(lows);
  return _mm256_blendv_epi8(x, _mm256_or_si256(_mm256_slli_epi32(x, 16), word), is_low);
}

// Returns how many elements it decoded: a multiple of sixteen, nearly all where enough words are left.
static size_t decode_vector(reader *r, errata_elements kind, const context_rule *rule, errata_coder *coder,
                            const uint8_t *contexts, size_t n, int is_forward, uint16_t *places) {
  const vector_tables v = {(const int *)(const void *)coder->entries,
                           _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)rule->lowest)),
                           _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)rule->highest)),
                           _mm256_set1_epi32(is_forward ? 0 : -1), _mm_cvtsi32_si128((int)kind.exponent_shift)};
  const uint8_t *words = r->words;
  __m256i a = _mm256_loadu_si256((const __m256i *)r->state), b = _mm256_loadu_si256((const __m256i *)(r->state + 8));
  size_t i = 0;
  for (; i + 16 <= n && r->words_end - words >= 32; i += 16) {
    a = decode_eight(r, &v, rule->clusters, coder, contexts + i, a, places + i);
    b = decode_eight(r, &v, rule->clusters, coder, contexts + i + 8, b, places + i + 8);
    a = take_words(coder, a, &words);
    b = take_words(coder, b, &words);
  }
  _mm256_storeu_si256((__m256i *)r->state, a);
  _mm256_storeu_si256((__m256i *)(r->state + 8), b);
  r->words = words;
  return i;
}

// Encodes eight elements, as `encode` does from the last to the first.
INLINE __m256i encode_eight(errata_coder *coder, const uint16_t *codes, const errata_crossing **crossing, __m256i x,
                            uint8_t **words) {
  __m256i code = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)codes));
  __m256i crosses = _mm256_cmpgt_epi32(code, _mm256_set1_epi32((errata_crossing_context << 8) - 1));
  if (__builtin_expect(_mm256_movemask_epi8(crosses) != 0, 0)) {
    uint32_t states[8];
    _mm256_storeu_si256((__m256i *)states, x);
    encode_codes(coder, codes, crossing, 0, 8, states, words);
    return _mm256_loadu_si256((const __m256i *)states);
  }
  // One number per code: share − 1 in 12 bits, where its slots begin in 20.
  __m256i packed = _mm256_i32gather_epi32((const int *)coder->packed[0], code, 4);
  __m256i share = _mm256_add_epi32(_mm256_and_si256(packed, _mm256_set1_epi32(4095)), _mm256_set1_epi32(1));
  __m256i start = _mm256_srli_epi32(packed, 12);

  // x ≥ share · 2²⁰, compared as x >> 20 ≥ share. Words of the lanes that are full go before those written, in lane order.
  __m256i is_full = _mm256_cmpgt_epi32(_mm256_add_epi32(_mm256_srli_epi32(x, 20), _mm256_set1_epi32(1)), share);
  uint32_t full = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(is_full));
  __m256i order = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)coder->gathered[full]));
  __m256i word = _mm256_and_si256(_mm256_permutevar8x32_epi32(x, order), _mm256_set1_epi32(0xffff));
  word = _mm256_permute4x64_epi64(_mm256_packus_epi32(word, word), 0x08);
  _mm_storeu_si128((__m128i *)(*words - 16), _mm256_castsi256_si128(word));
  *words -= 2 * __builtin_popcount(full);
  x = _mm256_blendv_epi8(x, _mm256_srli_epi32(x, 16), is_full);

  // The quotient by a float division is one off at most: x is below share · 2²⁰. Half of x is a signed number.
  __m256 half = _mm256_cvtepi32_ps(_mm256_srli_epi32(x, 1));
  __m256 ratio = _mm256_div_ps(_mm256_add_ps(half, half), _mm256_cvtepi32_ps(share));
  __m256i quotient = _mm256_cvttps_epi32(ratio);
  __m256i rest = _mm256_sub_epi32(x, _mm256_mullo_epi32(quotient, share));
  __m256i is_below = _mm256_srai_epi32(rest, 31);
  quotient = _mm256_add_epi32(quotient, is_below);
  rest = _mm256_add_epi32(rest, _mm256_and_si256(is_below, share));
  __m256i is_above = _mm256_cmpgt_epi32(_mm256_add_epi32(rest, _mm256_set1_epi32(1)), share);
  quotient = _mm256_sub_epi32(quotient, is_above);
  rest = _mm256_sub_epi32(rest, _mm256_and_si256(is_above, share));
  __m256i slot = _mm256_i32gather_epi32((const int *)(const void *)coder->slots[0], _mm256_add_epi32(start, rest), 2);
  slot = _mm256_and_si256(slot, _mm256_set1_epi32(0xffff));
  return _mm256_or_si256(_mm256_slli_epi32(quotient, slot_bits), slot);
}

// Encodes elements below `end`, a multiple of sixteen; returns 0, where it ended.
static size_t encode_vector(errata_coder *coder, const uint16_t *codes, const errata_crossing **crossing, size_t end,
                            uint32_t *state, uint8_t **words) {
  __m256i a = _mm256_loadu_si256((const __m256i *)state), b = _mm256_loadu_si256((const __m256i *)(state + 8));
  uint8_t *at = *words;
  for (size_t i = end; i > 0; i -= 16) {
    b = encode_eight(coder, codes + i - 8, crossing, b, &at);
    a = encode_eight(coder, codes + i - 16, crossing, a, &at);
  }
  _mm256_storeu_si256((__m256i *)state, a);
  _mm256_storeu_si256((__m256i *)(state + 8), b);
  *words = at;
  return 0;
}
