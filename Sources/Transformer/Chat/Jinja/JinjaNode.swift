/// A statement of a template, with its line.
struct JinjaStatement {
  indirect enum Kind {
    case text(String)
    case output(JinjaExpression)
    /// Conditions with their bodies; `nil` is the rest.
    case branches([(condition: JinjaExpression?, body: [JinjaStatement])])
    case loop(JinjaLoop)
    case assign(JinjaTarget, JinjaExpression)
    /// What the body prints, through filters.
    case capture(JinjaTarget, [JinjaCall], [JinjaStatement])
    case filtered([JinjaCall], [JinjaStatement])
    case macro(JinjaMacro)
    /// A body that is printed as it is: `{% generation %}`.
    case group([JinjaStatement])
    case leave
    case again
  }

  let kind: Kind
  let line: Int
}

/// `{% for x in list if condition %}`
struct JinjaLoop {
  let target: JinjaTarget
  let items: JinjaExpression
  let condition: JinjaExpression?
  let body: [JinjaStatement]
  let otherwise: [JinjaStatement]
}

/// `{% macro name(a, b=1) %}`
struct JinjaMacro {
  let name: String
  let parameters: [(name: String, standard: JinjaExpression?)]
  let body: [JinjaStatement]
}

/// What is assigned to.
indirect enum JinjaTarget {
  case name(String)
  case several([JinjaTarget])
  /// A member of a namespace.
  case member(String, String)
}

/// The name and arguments of a filter, a test or a function.
struct JinjaCall {
  let name: String
  var arguments: [JinjaExpression] = []
  var named: [(name: String, value: JinjaExpression)] = []
  let line: Int
}

/// An expression, with its line.
struct JinjaExpression {
  indirect enum Kind {
    case constant(JinjaValue)
    case name(String)
    case list([JinjaExpression])
    case tuple([JinjaExpression])
    case dictionary([(JinjaExpression, JinjaExpression)])
    case attribute(JinjaExpression, String)
    case item(JinjaExpression, JinjaExpression)
    case slice(JinjaExpression, JinjaExpression?, JinjaExpression?, JinjaExpression?)
    case call(JinjaExpression, JinjaCall)
    case filter(JinjaExpression, JinjaCall)
    case test(JinjaExpression, JinjaCall)
    case not(JinjaExpression)
    case and(JinjaExpression, JinjaExpression)
    case or(JinjaExpression, JinjaExpression)
    case comparison(JinjaExpression, [(String, JinjaExpression)])
    case operation(String, JinjaExpression, JinjaExpression)
    case negative(JinjaExpression)
    case choice(JinjaExpression, condition: JinjaExpression, otherwise: JinjaExpression?)
  }

  let kind: Kind
  let line: Int
}
