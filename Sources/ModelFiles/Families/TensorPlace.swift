/// What a tensor is for in a network, whatever its family or container calls it.
public enum TensorRole: String, CaseIterable, Sendable {
  case tokenEmbedding
  case positionEmbedding
  case finalNorm
  /// From hidden states to logits; absent where the token embedding serves for it.
  case head

  case attentionNorm
  case feedForwardNorm
  case query
  case key
  case value
  /// Query, key and value in one.
  case queryKeyValue
  /// Scales each head's query.
  case queryNorm
  /// Scales each head's key.
  case keyNorm
  case attentionOutput
  /// Scales what attention gives, before it is added.
  case attentionOutputNorm
  /// The gate of a gated MLP.
  case gate
  case up
  /// Gate and up in one: rows of the gate, then of up.
  case gateUp
  /// The MLP's down-projection: the weight that is edited.
  case down
  /// Scales what the MLP gives, before it is added.
  case feedForwardOutputNorm
  /// From hidden states to a number for each expert.
  case router
  /// Gates of the experts: one weight for each, or all of them in one.
  case expertGate
  case expertUp
  /// Down-projections of the experts.
  case expertDown

  /// Whether every layer has one.
  public var isPerLayer: Bool {
    switch self {
    case .tokenEmbedding, .positionEmbedding, .finalNorm, .head: false
    default: true
    }
  }

  /// Whether it is of one of several experts.
  public var isOfExperts: Bool { [.expertGate, .expertUp, .expertDown].contains(self) }

  /// Whether it scales what goes through instead of mixing it.
  public var isNorm: Bool {
    switch self {
    case .finalNorm, .attentionNorm, .feedForwardNorm, .queryNorm, .keyNorm, .attentionOutputNorm,
      .feedForwardOutputNorm:
      true
    default: false
    }
  }

  /// What GGUF files call it, after the layer's prefix.
  /// Source: ggml-org/llama.cpp, `gguf-py/gguf/constants.py`, `TENSOR_NAMES`.
  var ggufName: String {
    switch self {
    case .tokenEmbedding: "token_embd"
    case .positionEmbedding: "position_embd"
    case .finalNorm: "output_norm"
    case .head: "output"
    case .attentionNorm: "attn_norm"
    case .feedForwardNorm: "ffn_norm"
    case .query: "attn_q"
    case .key: "attn_k"
    case .value: "attn_v"
    case .queryKeyValue: "attn_qkv"
    case .queryNorm: "attn_q_norm"
    case .keyNorm: "attn_k_norm"
    case .attentionOutput: "attn_output"
    case .attentionOutputNorm: "post_attention_norm"
    case .gate: "ffn_gate"
    case .up, .gateUp: "ffn_up"
    case .down: "ffn_down"
    case .feedForwardOutputNorm: "post_ffw_norm"
    case .router: "ffn_gate_inp"
    case .expertGate: "ffn_gate_exps"
    case .expertUp: "ffn_up_exps"
    case .expertDown: "ffn_down_exps"
    }
  }
}

/// One tensor's place in a network.
public struct TensorPlace: Hashable, Sendable {
  /// What it is for.
  public let role: TensorRole
  /// Its layer, counted from 0; `nil` for tensors of the whole network.
  public let layer: Int?
  /// Whether it is the bias that goes with the weight.
  public let isBias: Bool
  /// Which of the experts it is of; `nil` where one tensor holds those of all, as in GGUF files, and for other roles.
  public let expert: Int?

  /// A place; `layer` exactly for the roles that every layer has.
  public init(_ role: TensorRole, layer: Int? = nil, isBias: Bool = false, expert: Int? = nil) {
    precondition(role.isPerLayer == (layer != nil), "a role of layers has a layer, another has none")
    precondition(expert == nil || role.isOfExperts, "an expert's role")
    self.role = role
    self.layer = layer
    self.expert = expert
    self.isBias = isBias
  }
}
