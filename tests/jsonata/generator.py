"""Random expressions: every operator and function, with arguments of the right and of the wrong kind."""

from __future__ import annotations

import random

DATA = {
    "id": 7,
    "name": "Ada Lovelace",
    "empty": "",
    "flag": True,
    "off": False,
    "nothing": None,
    "price": 12.5,
    "zero": 0,
    "neg": -3,
    "big": 1234567.891,
    "tiny": 0.000001234,
    "text": "The quick brown fox, jumps over 12 lazy dogs",
    "uni": "café ☃ 😀 end",
    "date": "2024-02-29T13:45:30.123Z",
    "csv": "a,b,,c",
    "nums": [3, 1, 2, 2.5, -1],
    "ints": [10, 20, 30],
    "strs": ["b", "a", "C", "é", "10"],
    "bools": [True, False],
    "mixed": [1, "two", True, None, [4, 5], {"k": "v"}],
    "none": [],
    "one": [42],
    "nested": [[1, 2], [3, [4, 5]], []],
    "obj": {"b": 2, "a": 1, "10": "ten", "2": "two", "c": {"d": [1, {"e": "deep"}]}},
    "void": {},
    "single": {"only": [{"x": 1}]},
    "items": [
        {"sku": "A1", "qty": 2, "price": 10, "tags": ["red", "big"], "dim": {"w": 1, "h": 2}},
        {"sku": "B2", "qty": 1, "price": 5.5, "tags": [], "dim": {"w": 3}},
        {"sku": "A1", "qty": 5, "price": 1.25, "tags": ["red"], "note": None},
        {"sku": "C3", "qty": 0, "price": 99, "tags": "solo", "dim": [{"w": 7}, {"w": 8, "h": 9}]},
    ],
    "orders": [
        {"oid": "o1", "lines": [{"sku": "A1", "n": 1}, {"sku": "B2", "n": 2}], "who": {"name": "Z"}},
        {"oid": "o2", "lines": {"sku": "C3", "n": 3}, "who": {"name": "Y"}},
        {"oid": "o3", "who": {"name": "X"}},
    ],
    "a b": {"`": 1, "c d": [1, 2, 3]},
}

NUMBER_FIELDS = ["id", "price", "zero", "neg", "big", "tiny", "missing"]
STRING_FIELDS = ["name", "empty", "text", "uni", "csv", "date"]
ARRAY_FIELDS = ["nums", "ints", "strs", "bools", "mixed", "none", "one", "nested", "items", "orders"]
OBJECT_FIELDS = ["obj", "void", "single", "`a b`"]
OTHER_FIELDS = ["flag", "off", "nothing", "missing"]
ITEM_FIELDS = [
    "sku",
    "qty",
    "price",
    "tags",
    "dim",
    "note",
    "dim.w",
    "dim.h",
    "lines",
    "lines.sku",
    "lines.n",
    "oid",
    "who.name",
]
NUMBERS = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "10",
    "0.5",
    "2.5",
    "-2.75",
    "1e3",
    "1.5e-3",
    "100",
    "255",
    "1000000",
    "12345.678",
    "1e21",
    "0.1",
    "3.14159",
]
STRINGS = [
    '""', '"a"', '"b"', '"red"', '"A1"', '"hello world"', '"1"', '"12.5"', '"-3"', '"0x1F"', '"abc"', '", "', '" "', '"é"',
    '"\\u00e9\\n"', '"😀"', '"a,b"', '"true"', '"[1,2]"', "'single'", '"x"', '"$1-$2"', '"$$0"', '"Zürich"', '"  pad  me "',
    '"%41%20"', '"a+b/c?d=é"', '"SGVsbG8="', '"2024-02-29"', '"2020-12-31T23:59:59.999+01:00"', '"1999"', '"XIV"', '"twelve"',
]  # fmt: skip
REGEXES = [
    "/a/",
    "/[aeiou]/",
    "/(\\w)(\\w)/",
    "/\\d+/",
    "/l+/i",
    "/o/",
    "/^T/",
    "/(x)?a/",
    "/\\s+/",
    "/,/",
    "/e$/m",
    "/[^a-z]/i",
    "/(?:ab|b)c?/",
    "/\\bfox\\b/",
]
PICTURES = [
    '"#,##0.00"',
    '"0"',
    '"000"',
    '"#0.##"',
    '"0.0e0"',
    '"#,###"',
    '"0%"',
    '"#;(#)"',
    '"$#,##0"',
    '"0.000;-0.0"',
    '"##.#"',
    '"#.#,#"',
    '"0,0"',
    '"00.0#"',
    '"x"',
    '"0.0.0"',
    '"#0#"',
]
INT_PICTURES = [
    '"0"',
    '"000"',
    '"#,##0"',
    '"w"',
    '"W"',
    '"Ww"',
    '"I"',
    '"i"',
    '"A"',
    '"a"',
    '"0;o"',
    '"w;o"',
    '"Ww;o"',
    '"#:#0"',
    '"٠"',
    '"*"',
    '"00,0"',
]
DATE_PICTURES = [
    '"[Y0001]-[M01]-[D01]"', '"[D1o] [MNn] [Y]"', '"[H01]:[m01]:[s01].[f001]"', '"[h]:[m01] [P]"', '"[FNn], [D] [MNn,*-3]"', '"[Y]"',
    '"[X]-W[W01]-[F1]"', '"[d] [w] [x]"', '"[Z] [z]"', '"[Y,2-2]/[M]/[D]"', '"[YI] [Dw]"', '"[C] [E]"', '"[M01]/[D01]/[Y0001] [h#1]:[m01][P]"',
    '"[[x]]"', '"[Q]"', '"[Y"', '"[H01][m01]"', '"[FN,3-3]"', '"[f01]"', '"[Z0101t]"', '"[MN]"',
]  # fmt: skip
ZONES = ['"+0100"', '"-0530"', '"0000"', '"+1400"', '"junk"']

#: Functions with the kinds of their arguments: n s b a o x(any) f1 f2 f3(functions of that many) r(regex) p(pictures)...
FUNCTIONS = {
    "sum": "N", "count": "a", "max": "N", "min": "N", "average": "N", "string": "xb?", "substring": "snn?", "substringBefore": "ss",
    "substringAfter": "ss", "lowercase": "s", "uppercase": "s", "length": "s", "trim": "s", "pad": "sis?", "match": "srn?", "contains": "sS",
    "replace": "sSTn?", "split": "sSn?", "join": "Ls?", "formatNumber": "np", "formatBase": "nn?", "formatInteger": "nq", "parseInteger": "sq",
    "number": "S2", "floor": "n", "ceil": "n", "round": "nn?", "abs": "n", "sqrt": "n", "power": "ni", "boolean": "x", "not": "x",
    "map": "af", "filter": "af", "single": "af?", "reduce": "agx?", "sift": "of", "keys": "o", "lookup": "os", "append": "xx", "exists": "x",
    "spread": "o", "merge": "O", "reverse": "a", "each": "of", "type": "x", "sort": "ac?", "shuffle": "a", "distinct": "a", "zip": "aa?",
    "base64encode": "s", "base64decode": "s", "encodeUrlComponent": "s", "encodeUrl": "s", "decodeUrlComponent": "s", "decodeUrl": "s",
    "toMillis": "Dd?", "fromMillis": "nd?z?", "now": "d?z?", "millis": "", "random": "", "clone": "o", "error": "s?", "assert": "bs?", "eval": "E",
}  # fmt: skip
OPERATORS = ["+", "-", "*", "/", "%", "=", "!=", "<", "<=", ">", ">=", "&", "and", "or", "in", "~>", "??", "?:", ".."]


class Generator:
    """Expressions from a seed."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.vars = []
        self.inner = False

    def pick(self, options):
        return self.r.choice(options)

    def chance(self, probability):
        return self.r.random() < probability

    def expression(self, depth=None):
        depth = self.r.choice([1, 2, 2, 3, 3, 4]) if depth is None else depth
        return self.any(depth)

    # -- any kind ----------------------------------------------------------------------------------------------------

    def any(self, depth):
        if depth <= 0:
            return self.leaf()
        kinds = [
            (14, self.function_call), (10, self.binary), (10, self.path), (5, self.predicate), (5, self.array), (5, self.object),
            (4, self.conditional), (5, self.block), (3, self.group), (3, self.order), (3, self.lambda_call), (2, self.bindings),
            (2, self.parent), (2, self.transform), (2, self.partial), (3, self.chain), (2, self.keep), (2, self.unary), (3, self.leaf),
            (2, self.wild), (1, self.parens), (1, self.regex_use), (1, self.lambda_),
        ]  # fmt: skip
        total = sum(weight for weight, _ in kinds)
        at = self.r.uniform(0, total)
        for weight, make in kinds:
            at -= weight
            if at <= 0:
                return make(depth - 1)
        return self.leaf()

    def leaf(self, _=0):
        choice = self.r.random()
        if choice < 0.2:
            return self.pick(NUMBERS)
        if choice < 0.4:
            return self.pick(STRINGS)
        if choice < 0.48:
            return self.pick(["true", "false", "null"])
        if choice < 0.58 and self.vars:
            return "$" + self.pick(self.vars)
        if choice < 0.63:
            return self.pick(["$", "$$", "$x", "$missing", "[]", "{}", "$y"])
        return self.field()

    def field(self):
        if self.inner and self.chance(0.7):
            return self.pick(ITEM_FIELDS)
        group = self.pick([NUMBER_FIELDS, STRING_FIELDS, ARRAY_FIELDS, ARRAY_FIELDS, OBJECT_FIELDS, OTHER_FIELDS])
        prefix = "$$." if self.inner and self.chance(0.5) else ""
        return prefix + self.pick(group)

    # -- kinds -------------------------------------------------------------------------------------------------------

    def of(self, kind, depth):
        """An argument of a kind; sometimes of any kind."""
        if self.chance(0.08):
            return self.any(depth)
        return getattr(self, "kind_" + kind, self.any)(depth)

    def kind_n(self, depth):
        if depth > 0 and self.chance(0.4):
            return f"({self.of('n', depth - 1)} {self.pick(['+', '-', '*', '/', '%'])} {self.of('n', depth - 1)})"
        return self.pick(
            [
                self.pick(NUMBERS),
                self.pick(NUMBER_FIELDS),
                self.pick(NUMBERS),
                "$count(nums)",
                "$length(name)",
                "nums[0]",
            ]
        )

    def kind_i(self, _):
        return self.pick(["0", "1", "2", "3", "-2", "5", "12", "-7"])

    def kind_s(self, depth):
        if depth > 0 and self.chance(0.3):
            return f"({self.of('s', depth - 1)} & {self.any(depth - 1)})"
        return self.pick([self.pick(STRINGS), self.pick(STRING_FIELDS), "strs[1]", "items[0].sku"])

    def kind_b(self, depth):
        return self.pick(
            ["true", "false", "flag", "off", f"{self.of('n', depth - 1)} > {self.of('n', depth - 1)}", "name = 'x'"]
        )

    def kind_a(self, depth):
        if depth > 0 and self.chance(0.3):
            return self.array(depth - 1)
        return self.pick(
            [
                *ARRAY_FIELDS,
                "items.price",
                "[1..5]",
                "items.tags",
                "nums[$ > 1]",
                "orders.lines",
                "[3,1,2]",
                '["x","y"]',
                "[]",
            ]
        )

    def kind_N(self, depth):
        return self.pick(
            [
                "nums",
                "ints",
                "items.price",
                "items.qty",
                "[1..4]",
                "one",
                "none",
                "price",
                "[1, 2.5, -3]",
                self.kind_a(depth),
            ]
        )

    def kind_L(self, depth):
        return self.pick(
            ["strs", "items.sku", '["x","y"]', "name", "items.tags", "none", "$keys(obj)", self.kind_a(depth)]
        )

    def kind_O(self, depth):
        return self.pick(["items", "[obj, single]", "orders.who", "obj", "[{}]", f"[{self.object(depth - 1)}, obj]"])

    def kind_o(self, depth):
        if depth > 0 and self.chance(0.3):
            return self.object(depth - 1)
        return self.pick(
            [*OBJECT_FIELDS, "items[0]", "$", "items", '{"a": 1, "b": "x"}', "orders[0].who", "items[1].dim"]
        )

    def kind_f(self, depth):
        params = self.pick([["v"], ["v"], ["v"], ["v", "i"], ["v", "i", "a"], []])
        if self.chance(0.12):
            return self.pick(
                ["$string", "$sum", "$uppercase", "$boolean", "$count", "$type", "$keys", "$not", "$length", "$number"]
            )
        return self.function(params, depth)

    def kind_g(self, depth):
        return self.pick([
            "function($p, $q){$p + $q}", "function($p, $q){$p & $q}", "function($p, $q, $i){$p & $i & $q}", "function($p){$p}", "$append",
            "function($p, $q){$append($p, $q)}", "function($p,$q,$i,$a){$count($a) + $i}", self.function(["p", "q"], depth),
        ])  # fmt: skip

    def kind_c(self, depth):
        return self.pick([
            "function($l, $r){$l > $r}", "function($l, $r){$l.price > $r.price}", "function($l, $r){$string($l) < $string($r)}", "function($l,$r){true}",
            "function($l){$l}", self.function(["l", "r"], depth),
        ])  # fmt: skip

    def kind_r(self, _):
        return self.pick(REGEXES)

    def kind_S(self, depth):
        return self.pick([self.pick(REGEXES), self.pick(STRINGS), self.of("s", depth - 1), '"a"', '","', '" "'])

    def kind_T(self, depth):
        return self.pick(
            [
                self.pick(STRINGS),
                '"[$0]"',
                '"$1$2"',
                '"<$1>"',
                "function($m){$m.match & $m.start}",
                "function($m){$uppercase($m.match)}",
                self.any(depth - 1),
            ]
        )

    def kind_p(self, _):
        return self.pick(PICTURES)

    def kind_q(self, _):
        return self.pick(INT_PICTURES)

    def kind_d(self, _):
        return self.pick(DATE_PICTURES)

    def kind_z(self, _):
        return self.pick(ZONES)

    def kind_D(self, depth):
        return self.pick(
            [
                "date",
                '"2024-02-29"',
                '"2020-12-31T23:59:59.999+01:00"',
                '"1999"',
                '"12/25/2021 3:07pm"',
                '"2021-13-01"',
                self.of("s", depth - 1),
                '"29/2/24"',
                '"7th March 2019"',
                '"2018-W07-3"',
                '"13:45:00.5"',
            ]
        )

    def kind_E(self, depth):
        text = self.any(max(0, depth - 1)).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'

    def kind_2(self, depth):
        return self.any(depth)

    # -- forms -------------------------------------------------------------------------------------------------------

    def function_call(self, depth):
        name = self.pick(list(FUNCTIONS))
        signature = FUNCTIONS[name]
        args = []
        at = 0
        while at < len(signature):
            kind = signature[at]
            at += 1
            if kind == "2":
                continue
            if at < len(signature) and signature[at] == "?":
                at += 1
                if self.chance(0.5):
                    break
            args.append(self.of(kind, depth))
        if self.chance(0.04) and args:
            args.pop()
        if self.chance(0.03):
            args.append(self.any(depth - 1))
        call = f"${name}({', '.join(args)})"
        if self.chance(0.06) and args:
            call = f"{args[0]}.${name}({', '.join(args[1:])})"
        elif self.chance(0.06) and args:
            call = f"{args[0]} ~> ${name}({', '.join(args[1:])})"
        return call

    def binary(self, depth):
        operator = self.pick(OPERATORS)
        if operator in "+-*/%" and self.chance(0.7):
            left, right = self.of("n", depth), self.of("n", depth)
        elif operator == "..":
            return f"[{self.of('i', 0)}..{self.of('i', 0)}]"
        elif operator == "~>":
            return f"{self.any(depth)} ~> {self.kind_f(depth)}"
        elif operator == "in":
            left, right = self.any(depth), self.kind_a(depth)
        else:
            left, right = self.any(depth), self.any(depth)
        if operator in ("??", "?:") and "/" in left:
            # jsonata-js copies the left side as JSON, which turns a regular expression into one that loops for ever.
            left = self.field()
        if self.chance(0.6):
            return f"({left}) {operator} ({right})" if self.chance(0.5) else f"({left} {operator} {right})"
        return f"{left} {operator} {right}"

    def within(self, make, depth):
        outer, self.inner = self.inner, True
        text = make(depth)
        self.inner = outer
        return text

    def path(self, depth):
        base = self.pick(
            [
                "items",
                "orders",
                "obj",
                "single",
                "nested",
                "orders.lines",
                "$",
                self.any(depth),
                f"({self.any(depth)})",
                "items.dim",
                "**",
                "$.*",
                "$$",
            ]
        )
        steps = []
        for _ in range(self.pick([1, 1, 1, 2, 2, 3])):
            choice = self.r.random()
            if choice < 0.55:
                steps.append(self.pick([*ITEM_FIELDS, "c.d", "e", "only.x", "x", "*", "b"]))
            elif choice < 0.65:
                steps.append(f"({self.within(self.any, depth)})")
            elif choice < 0.75:
                steps.append(self.within(self.object, depth))
            elif choice < 0.83:
                steps.append(self.within(self.array, depth))
            elif choice < 0.9:
                steps.append(self.within(self.function_call, depth))
            else:
                steps.append(self.pick(["$", "$string()", "$keys()", "%", "**", '"sku"', "`a b`", "$type($)"]))
            if self.chance(0.25):
                steps[-1] += self.filter(depth)
            if self.chance(0.06):
                steps[-1] += "[]"
        return ".".join([base, *steps])

    def filter(self, depth):
        choice = self.r.random()
        if choice < 0.25:
            return f"[{self.pick(['0', '1', '-1', '2', '-2', '9', '0.5', '1.9'])}]"
        if choice < 0.35:
            return f"[{self.pick(['[0,1]', '[-1,0]', '[0..1]', '[[0]]', '[]', '[1,1]', '[0,true]'])}]"
        if choice < 0.65:
            return f"[{self.pick(['price', 'qty', 'n', '$'])} {self.pick(['>', '<', '>=', '=', '!='])} {self.pick(['1', '2', '5.5', chr(34) + 'A1' + chr(34)])}]"
        if choice < 0.75:
            return f"[{self.pick(['sku = ' + chr(34) + 'A1' + chr(34), chr(34) + 'red' + chr(34) + ' in tags', 'dim', 'tags', '$exists(note)', 'true', 'false', '$x', 'zero'])}]"
        return f"[{self.within(self.any, depth)}]"

    def predicate(self, depth):
        base = self.pick([self.pick(ARRAY_FIELDS), "items", self.any(depth), f"({self.any(depth)})", "orders.lines"])
        return (
            base
            + self.filter(depth)
            + (self.filter(depth) if self.chance(0.2) else "")
            + ("." + self.pick(ITEM_FIELDS) if self.chance(0.4) else "")
        )

    def array(self, depth):
        items = [self.any(depth) for _ in range(self.pick([0, 1, 1, 2, 2, 3]))]
        if self.chance(0.1):
            items.append("1..3")
        return f"[{', '.join(items)}]"

    def object(self, depth):
        names = ['"a"', '"b"', '"k1"', '"2"', '"10"', '"name"']
        self.r.shuffle(names)
        members = []
        for name in names[: self.pick([0, 1, 1, 2, 3])]:
            key = name if self.chance(0.85) else self.pick(["$string(id)", "sku", "name", self.any(depth - 1)])
            members.append(f"{key}: {self.any(depth)}")
        return "{" + ", ".join(members) + "}"

    def conditional(self, depth):
        otherwise = f" : {self.any(depth)}" if self.chance(0.8) else ""
        return f"({self.of('b', depth)} ? {self.any(depth)}{otherwise})"

    def block(self, depth):
        name = self.pick(["x", "y", "z"])
        known = len(self.vars)
        value = self.any(depth)
        self.vars.append(name)
        statements = [f"${name} := {value}"]
        if self.chance(0.3):
            other = self.pick(["x", "w"])
            statements.append(f"${other} := {self.any(depth)}")
            self.vars.append(other)
        statements.append(self.any(depth))
        del self.vars[known:]
        return f"({'; '.join(statements)})"

    def group(self, depth):
        base = self.pick(["items", "orders.lines", "items.dim", "obj", "strs", self.any(depth), "nums"])
        key = self.pick(["sku", "$string(qty)", "$", '"all"', "$string($)", self.within(self.any, depth - 1), "oid"])
        value = self.pick(["$sum(price)", "qty", "$", "$count($)", "price", self.within(self.any, depth)])
        second = f", {self.pick(['$string(qty)', 'note', chr(34) + 'k' + chr(34)])}: $" if self.chance(0.12) else ""
        return f"{base}{{{key}: {value}{second}}}"

    def order(self, depth):
        base = self.pick(["items", "nums", "strs", "orders", "orders.lines", self.any(depth)])
        term = self.pick(
            ["price", ">price", "<qty", "$", ">$", "sku, >qty", "sku", "who.name", self.within(self.any, depth - 1)]
        )
        tail = self.pick(["", ".sku", "[0]", ".price", "[0].sku", "[]"])
        return f"{base}^({term}){tail}"

    def function(self, params, depth):
        known, inner = len(self.vars), self.inner
        self.vars.extend(params)
        body = self.pick(
            [
                self.any(depth),
                *(f"${param}" for param in params),
                *(f"${param}.{self.pick(ITEM_FIELDS)}" for param in params),
            ]
        )
        del self.vars[known:]
        self.inner = inner
        signature = (
            self.pick(["<x:x>", "<n:n>", "<s-:s>", "<a:x>", "<x-x?:x>", "<a<n>:n>"])
            if self.chance(0.05) and len(params) == 1
            else ""
        )
        return f"{self.pick(['function', 'function', 'λ'])}({', '.join('$' + param for param in params)}){signature}{{{body}}}"

    def lambda_(self, depth):
        return self.function(self.pick([["v"], ["v", "w"], []]), depth)

    def lambda_call(self, depth):
        params = self.pick([["v"], ["v", "w"], []])
        args = ", ".join(self.any(depth) for _ in range(len(params) + self.pick([0, 0, 0, 0, 1, -1])))
        function = self.function(params, depth)
        if self.chance(0.4):
            return f"($f := {function}; $f({args}))"
        return f"{function}({args})"

    def bindings(self, depth):
        return self.pick([
            "items@$i.{'s': $i.sku, 'q': $i.qty}", "orders@$o.lines.{'o': $o.oid, 's': sku}", "items#$i.{'at': $i, 's': sku}", "items#$i[$i > 0].sku",
            "items[qty > 0]#$i.($string($i) & sku)", "orders@$o.items@$i[$i.sku = $o.oid].sku", "orders.lines@$l.items@$i[$l.sku = $i.sku].{'p': $i.price}",
            "(items@$i)^($i.price).sku", "items#$i^(>$i).sku", f"items@$v.({self.any(depth)})", f"items#$w[{self.any(depth)}]", f"orders@$v.lines#$w.[$w, {self.any(depth)}]",
            "items@$i{$i.sku: $sum($i.price)}", "orders.lines#$n{sku: $n}", "items@$i#$j.[$i.sku, $j]", "nums#$i[$i % 2 = 0]", "items.tags#$i.[$i, $]",
            "items^(price)@$i.{'s': $i.sku}", "items^(sku)#$i.($i & sku)", "nested#$i.$i", "items#$i.tags#$j.[$i,$j]", "$#$i[$i=0].id", "$@$r.items.{'r': $r.id, 's': sku}",
        ])  # fmt: skip

    def parent(self, depth):
        return self.pick([
            "orders.lines.{'o': %.oid, 's': sku}", "items.tags.{'t': $, 's': %.sku}", "orders.lines.sku.%.n", "items.dim.w.%.%.sku", "orders.lines[%.oid = 'o1'].sku",
            "items.dim.(%.sku)", "orders.(lines.{'o': %.oid})", "obj.c.d.e.%", "items.dim[w > %.qty]", "%", "orders.who.(%.oid & name)", "items.tags.%.price", "single.only.x.%.%",
            f"items.dim.[%.sku, {self.any(depth)}]", "orders.lines^(%.oid).sku", "orders.lines{%.oid: n}", "*.sku.%", "orders.lines.[n, %.%.id]", "items.(dim.w).%", "orders.lines#$i.[$i, %.oid]",
        ])  # fmt: skip

    def transform(self, depth):
        pattern = self.pick(
            ["items", "$", "items[price > 5]", "obj", "orders.lines", "**", "missing", "obj.c", "items.dim"]
        )
        update = self.pick(
            [
                "{'new': 1}",
                "{'price': price * 2}",
                "{'2': 'x', 'z': id}",
                "missing",
                "{}",
                "$merge([$, {'m': 1}])",
                self.any(depth),
            ]
        )
        delete = self.pick(["", "", ", 'qty'", ", ['sku', 'tags']", ", missing", f", {self.any(depth - 1)}"])
        target = self.pick(["$", "obj", "items", "$$", self.any(depth)])
        return f"{target} ~> |{pattern}|{update}{delete}|"

    def partial(self, depth):
        return self.pick([
            f"($f := $substring(?, {self.pick(NUMBERS)}, 3); $f({self.pick(STRINGS)}))", f"$append(?, {self.any(depth)})({self.any(depth)})", "$map(nums, $power(?, 2))",
            f"(function($a, $b, $c){{$a & $b & $c}})(?, {self.any(depth)}, ?)(1, 2)", "$map(strs, $substringBefore(?, 'a'))", "$pad(?, 5, '-')(name)", f"$join(?, '-')({self.kind_L(depth)})",
            "$contains(?, /a/)(text)", "$filter(nums, function($x, $y){$x > $y}(?, 2))", "$missing(?, 1)", "name(?, 1)", "sum(?)", "$round(?, 1)(price)",
        ])  # fmt: skip

    def chain(self, depth):
        function = self.pick(
            [
                "$uppercase",
                "$string",
                "$sum",
                "$count",
                "$reverse",
                "$keys",
                "$distinct",
                "$sort",
                "$merge",
                "$not",
                "$boolean",
                "$length",
                "$number",
                self.kind_f(depth),
            ]
        )
        second = self.pick(["", "", " ~> $string", " ~> $count", f" ~> {self.kind_f(depth)}"])
        if self.chance(0.15):
            return f"($h := $trim ~> {function}; $h({self.of('s', depth)}))"
        return f"{self.any(depth)} ~> {function}{second}"

    def keep(self, depth):
        return self.pick(
            [
                f"{self.field()}[]",
                f"{self.pick(['items', 'orders', 'single'])}.{self.pick(ITEM_FIELDS)}[]",
                f"({self.any(depth)})[]",
                "items[].sku",
                "items[qty=5][].sku",
                f"{{'k': {self.field()}[]}}.k",
                "$append(one, 1)[]",
                "single.only[].x",
            ]
        )

    def unary(self, depth):
        return f"-{self.of('n', depth)}" if self.chance(0.7) else f"-({self.any(depth)})"

    def wild(self, depth):
        return self.pick(
            [
                "*",
                "**",
                "obj.*",
                "items.*",
                "**.sku",
                "*.dim",
                "obj.**",
                "nested.*",
                "**[0]",
                "*[0]",
                "$$.*[$type($) = 'string']",
                f"({self.any(depth)}).*",
                f"({self.any(depth)}).**",
                "items.*.w",
                "void.*",
            ]
        )

    def parens(self, depth):
        return f"({self.any(depth)})"

    def regex_use(self, depth):
        return self.pick(
            [
                f"$match({self.of('s', depth)}, {self.pick(REGEXES)}).match",
                f"{self.pick(REGEXES)}({self.of('s', depth)})",
                f"$match({self.of('s', depth)}, {self.pick(REGEXES)}).groups",
                f"{self.pick(REGEXES)}({self.of('s', depth)}).next()",
                f"$split({self.of('s', depth)}, {self.pick(REGEXES)}, {self.pick(['0', '1', '2', '10'])})",
            ]
        )
