"""What languages look like, as far as colours need it: their comments, strings and words.

A language is a row, not a grammar. The patterns match at any place in time that grows with what they match, so that no
text, however it was made up, is slow to read; see `docs/decisions/0023-code-is-coloured-by-rows.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LANGUAGES", "NAMES", "Language"]


@dataclass(frozen=True, slots=True)
class Language:
    """What is told apart in code; patterns are tried in the order of the fields."""

    meta: str = ""
    """Decorators, directives, variables of a shell."""
    comment: str = ""
    keys: str = ""
    """Names of what is set: keys, attributes, properties."""
    string: str = ""
    keywords: frozenset[str] = frozenset()
    """Also tags and commands, where `tags` finds them."""
    builtins: frozenset[str] = frozenset()
    """Constants and names that are always there."""
    definers: frozenset[str] = frozenset()
    """Keywords before a name that is being defined."""
    tags: str = ""
    word: str = r"[A-Za-z_][A-Za-z0-9_]*"
    """What a keyword, a built-in name or a defined one can look like."""
    ignores_case: bool = False
    """Whether keywords can be written in capitals."""
    inserted: str = ""
    deleted: str = ""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HASH = r"#[^\n]*"
_SLASHES = r"//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)"
_DASHES = r"--[^\n]*"
_DOUBLE = r'"(?:\\.|[^"\\\n])*"?'
_SINGLE = r"'(?:\\.|[^'\\\n])*'?"
_BACKTICK = r"`(?:\\(?s:.)|[^`\\])*(?:`|\\?\Z)"
_QUOTES = f"{_DOUBLE}|{_SINGLE}"
_CHARACTER = r"'(?:\\[^\n]{1,8}?|[^'\\\n])'"
"""In languages in which an apostrophe alone does not make a string."""

_C_WORDS = """
    auto break case const continue default do else enum extern for goto if inline register return sizeof static struct
    switch typedef union volatile while
"""
_CLASS_WORDS = """
    abstract as async await base break case catch class const continue default delegate do else enum event explicit
    export extends extern final finally for foreach goto if implements import in instanceof interface internal is lock
    namespace native new operator out override package params private protected public readonly record ref return
    sealed sizeof static strictfp struct super switch synchronized this throw throws transient try typeof using var
    virtual volatile when where while yield
"""
_C_TYPES = "bool char double float int long short signed size_t unsigned void int8_t int32_t int64_t uint8_t uint32_t"

_PYTHON = Language(
    meta=r"(?m:^)[ \t]*@[A-Za-z_][\w.]*",
    comment=_HASH,
    string=r'(?i:\b[rbuf]{1,2})?(?:"""(?:\\(?s:.)|[^"\\]|"(?!""))*(?:"""|\\?\Z)'
    r"|'''(?:\\(?s:.)|[^'\\]|'(?!''))*(?:'''|\\?\Z)|" + _QUOTES + ")",
    keywords=_words(
        """and as assert async await break case class continue def del elif else except finally for from global if
        import in is lambda match nonlocal not or pass raise return try while with yield"""
    ),
    builtins=_words(
        """True False None Ellipsis self cls abs all any bool bytes callable chr dict dir divmod enumerate filter float
        format frozenset getattr hasattr hash hex id input int isinstance issubclass iter len list map max min next
        object open ord pow print property range repr reversed round set setattr slice sorted staticmethod classmethod
        str sum super tuple type vars zip __name__ Exception ValueError TypeError KeyError IndexError RuntimeError
        StopIteration NotImplementedError AttributeError OSError ImportError"""
    ),
    definers=_words("def class"),
)
_JAVASCRIPT = Language(
    meta=r"@[A-Za-z_]\w*",
    comment=_SLASHES,
    string=f"{_QUOTES}|{_BACKTICK}",
    keywords=_words(
        """abstract as async await break case catch class const continue debugger declare default delete do else enum
        export extends finally for from function get if implements import in infer instanceof interface is keyof let
        namespace new of private protected public readonly return satisfies set static super switch this throw try type
        typeof var void while with yield"""
    ),
    builtins=_words(
        """true false null undefined NaN Infinity any boolean never number object string unknown symbol bigint Array
        Boolean Date Error JSON Map Math Number Object Promise Set String Symbol console document window globalThis
        process require module"""
    ),
    definers=_words("function class interface type enum namespace"),
    word=r"[A-Za-z_$][\w$]*",
)
_SHELL = Language(
    meta=r"\$(?:\w+|\{[^}\n]*\}?|[#?@*!$-])|(?<=\s)--?[A-Za-z][\w-]*",
    comment=r"(?<![^\s;])#[^\n]*",
    string=r'"(?:\\(?s:.)|[^"\\])*(?:"|\\?\Z)|' + r"'[^']*(?:'|\Z)",
    keywords=_words(
        "case do done elif else esac export fi for function if in local return select then time until while"
    ),
    builtins=_words(
        """alias apt awk brew cat cd chmod chown conda cp curl cut date docker echo env eval exec exit false find git
        grep head jupyter kill ls make mkdir mv node npm npx pip pip3 printf ps pwd python python3 read rm sed set sort
        source sudo tail tar tee test touch tr true uniq unset uv wc wget xargs"""
    ),
    definers=_words("function"),
    word=r"(?<![\w.-])[A-Za-z_][\w-]*",
)
_C = Language(
    meta=r"(?m:^)[ \t]*#[ \t]*[a-z]+",
    comment=_SLASHES,
    string=f"{_DOUBLE}|{_CHARACTER}",
    keywords=_words(_C_WORDS),
    builtins=_words(f"{_C_TYPES} NULL true false FILE stdin stdout stderr printf malloc free"),
    definers=_words("struct enum union"),
)
_CPP = Language(
    meta=_C.meta,
    comment=_SLASHES,
    string=_C.string,
    keywords=_words(
        f"""{_C_WORDS} catch class concept consteval constexpr const_cast co_await co_return co_yield decltype delete
        dynamic_cast explicit export final friend import module mutable namespace new noexcept operator override private
        protected public reinterpret_cast requires static_assert static_cast template this throw try typename using
        virtual"""
    ),
    builtins=_words(f"{_C_TYPES} nullptr true false std string vector map set cout cin cerr endl"),
    definers=_words("class struct enum union namespace concept"),
)
_JAVA = Language(
    meta=r"@[A-Za-z_][\w.]*|(?m:^)[ \t]*#[a-z]+",
    comment=_SLASHES,
    string=r'"""(?:\\(?s:.)|[^"\\]|"(?!""))*(?:"""|\\?\Z)|' + f"[@$]?{_DOUBLE}|{_CHARACTER}",
    keywords=_words(_CLASS_WORDS),
    builtins=_words(
        """true false null boolean byte char decimal double dynamic float int long object short string void String
        Integer List Map Object System Console Task Exception Override"""
    ),
    definers=_words("class interface enum record struct namespace"),
)
_KOTLIN = Language(
    meta=_JAVA.meta,
    comment=_SLASHES,
    string=f"{_JAVA.string}|{_BACKTICK}",
    keywords=_words(
        f"""{_CLASS_WORDS} actor associatedtype by companion data def defer deinit extension fallthrough fileprivate
        fun func given guard implicit init inout lateinit lazy let library match mixin mutating nil object open part
        protocol repeat required rethrows self show some subscript suspend trait type typealias val with"""
    ),
    builtins=_words(
        """true false null nil Any Array Bool Boolean Byte Char Double Float Int List Long Map None Nothing Option Set
        Short Some String Unit Void bool double dynamic int num print println void"""
    ),
    definers=_words(
        "class interface enum struct protocol extension fun func def object trait mixin typealias type"
    ),
)
_GO = Language(
    comment=_SLASHES,
    string=f"{_DOUBLE}|{_CHARACTER}|{_BACKTICK}",
    keywords=_words(
        """break case chan const continue default defer else fallthrough for func go goto if import interface map
        package range return select struct switch type var"""
    ),
    builtins=_words(
        """true false nil iota any bool byte error float32 float64 int int32 int64 rune string uint uint64 append cap
        close copy delete len make max min new panic print println recover fmt"""
    ),
    definers=_words("func type package"),
)
_RUST = Language(
    meta=r"#!?\[[^\]\n]*\]?|(?<!\w)[a-z_]\w{0,40}!(?=[\s(\[{])",
    comment=_SLASHES,
    string=f"[br]?{_DOUBLE}|{_CHARACTER}",
    keywords=_words(
        """as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move mut
        pub ref return self Self static struct super trait type unsafe use where while"""
    ),
    builtins=_words(
        """true false bool char f32 f64 i8 i16 i32 i64 isize str u8 u16 u32 u64 usize Box Err None Ok Option Rc Arc
        Result Some String Vec HashMap"""
    ),
    definers=_words("fn struct enum trait mod type"),
)
_SQL = Language(
    comment=f"{_DASHES}|{_SLASHES}",
    string=r"'(?:''|[^'])*(?:'|\Z)|" + f"{_DOUBLE}|`[^`\\n]*`?",
    keywords=_words(
        """add all alter and any as asc between by case check column constraint create cross database default delete
        desc distinct drop else end except exists explain false foreign from full function group having if in index
        inner insert intersect into is join key left like limit not null offset on or order outer over partition
        primary recursive references returning right rollback select set table then transaction true union unique
        update using values view when where window with"""
    ),
    builtins=_words(
        """avg bigint boolean char coalesce count date decimal double float integer int interval max min now numeric
        real row_number sum text timestamp varchar"""
    ),
    ignores_case=True,
)
_MARKUP = Language(
    meta=r"<[!?][A-Za-z][^>]*>?|&#?\w{1,30};",
    comment=r"<!--(?:[^-]|-(?!->))*(?:-->|\Z)",
    tags=r"</?[A-Za-z][\w:.-]*",
    keys=r"(?<=\s)[A-Za-z_:@][\w:.-]*(?==)",
    string=r'(?<==)(?:"[^"]*(?:"|\Z)|' + r"'[^']*(?:'|\Z))",
)
_CSS = Language(
    meta=r"@[A-Za-z][\w-]*|!important",
    comment=_SLASHES,
    keys=r"(?<=[\s{;])(?:--)?[A-Za-z][\w-]{0,60}(?=[ \t]{0,20}:)",
    string=_QUOTES,
    tags=r"[.#][A-Za-z_][\w-]*(?=[^;{}\n]{0,200}\{)",
)
_JSON = Language(
    comment=_SLASHES,
    keys=r'"(?:\\.|[^"\\\n])*"(?=[ \t]{0,20}:)',
    string=_DOUBLE,
    builtins=_words("true false null"),
)
_YAML = Language(
    meta=r"(?m:^)(?:---|\.\.\.)(?m:$)|(?<=[\s\[,])[&*!][\w.-]+",
    comment=r"(?<![^\s])#[^\n]*",
    keys=r"(?m:^)[ \t]*(?:-[ \t]+)*[\w.\"'/-]{1,100}(?=:(?:[ \t\n]|\Z))",
    string=_QUOTES,
    builtins=_words("true false null yes no on off"),
)
_TOML = Language(
    meta=r"(?m:^)[ \t]*\[[^\]\n]*\]{0,2}",
    comment=r"(?m:^)[ \t]*;[^\n]*|(?<![^\s])#[^\n]*",
    keys=r"(?m:^)[ \t]*[\w.\"'-]{1,100}(?=[ \t]{0,20}=)",
    string=_PYTHON.string,
    builtins=_words("true false"),
)
_RUBY = Language(
    meta=r"@{1,2}[A-Za-z_]\w*|(?<![\w:]):[A-Za-z_]\w*|\$\w+",
    comment=_HASH,
    string=_QUOTES,
    keywords=_words(
        """alias and begin break case class def defmodule defp do else elsif end ensure fn for if import in module next
        not or private protected public redo require rescue retry return self super then undef unless until use when
        while yield"""
    ),
    builtins=_words("true false nil puts print attr_accessor attr_reader include extend raise lambda proc"),
    definers=_words("def class module defmodule defp"),
)
_R = Language(
    comment=_HASH,
    string=_QUOTES,
    keywords=_words(
        """begin break const do else elseif end export for function global if import in let local macro module mutable
        next quote repeat return struct try catch using while"""
    ),
    builtins=_words(
        """TRUE FALSE NULL NA NaN Inf true false nothing missing c data library require mean sum length list print
        println paste matrix vector apply lapply sapply"""
    ),
    definers=_words("function struct module macro"),
)
_MATLAB = Language(
    comment=r"%[^\n]*",
    string=_DOUBLE + r"|(?<![\w)\]}'])'[^'\n]*'?",
    keywords=_words(
        """break case catch classdef continue else elseif end for function global if otherwise parfor persistent return
        switch try while"""
    ),
    builtins=_words("true false pi eps inf nan zeros ones eye rand disp fprintf plot length size"),
    definers=_words("function classdef"),
)
_LUA = Language(
    comment=r"--\[\[(?:[^\]]|\](?!\]))*(?:\]\]|\Z)|" + _DASHES,
    string=_QUOTES,
    keywords=_words(
        """and break case class data deriving do else elseif end for foreign function goto if import in infix instance
        let local module newtype not of or qualified repeat return then type until where while"""
    ),
    builtins=_words("true false nil print pairs ipairs require True False Just Nothing Maybe IO Int String"),
    definers=_words("function data class type newtype module"),
)
_POWERSHELL = Language(
    meta=r"\$[\w:]+|(?<=\s)-[A-Za-z]\w*",
    comment=r"<#(?:[^#]|#(?!>))*(?:#>|\Z)|(?i:\brem\b)[^\n]*|" + _HASH,
    string=_QUOTES,
    keywords=_words(
        """begin break catch class continue do echo else elseif end exit finally for foreach function goto if in param
        process return set switch throw trap try until while"""
    ),
    builtins=_words("get-childitem write-host write-output select-object where-object foreach-object"),
    definers=_words("function class"),
    word=r"[A-Za-z_][\w-]*",
    ignores_case=True,
)
_PERL = Language(
    meta=r"[$@%]\w+",
    comment=_HASH,
    string=_QUOTES,
    keywords=_words(
        """and do else elsif eq for foreach if last local lt gt my ne next no not or our package print return sub
        unless until use while"""
    ),
    definers=_words("sub package"),
)
_LATEX = Language(comment=r"(?<!\\)%[^\n]*", tags=r"\\(?:[A-Za-z]+\*?|[^\n])", string=r"\$[^$\n]*\$?")
_MAKE = Language(
    meta=r"\$[({][^)}\n]*[)}]?|\$.",
    comment=_HASH,
    keys=r"(?m:^)[\w./%-]{1,100}(?=[ \t]{0,20}[:?+]?[:=])",
    keywords=_words("define else endef endif export ifdef ifeq ifndef ifneq include override"),
)
_DOCKER = Language(
    meta=_SHELL.meta,
    comment=_SHELL.comment,
    string=_SHELL.string,
    tags=r"(?m:^)[A-Z]{3,12}(?=[ \t])|\bAS\b",
    builtins=_SHELL.builtins,
    word=_SHELL.word,
)
_DIFF = Language(
    meta=r"(?m:^)(?:@@|diff |index |\+\+\+|---)[^\n]*", inserted=r"(?m:^)\+[^\n]*", deleted=r"(?m:^)-[^\n]*"
)
_PYCON = Language(
    meta=r"(?m:^)(?:>>>|\.\.\.)(?=[ \n]|\Z)",
    comment=_HASH,
    string=_PYTHON.string,
    keywords=_PYTHON.keywords,
    builtins=_PYTHON.builtins,
    definers=_PYTHON.definers,
)

_ROWS = {
    "bash sh shell zsh console terminal": _SHELL,
    "c h objc": _C,
    "cpp c++ cc cxx hpp arduino": _CPP,
    "css scss less": _CSS,
    "diff patch udiff": _DIFF,
    "docker dockerfile": _DOCKER,
    "go golang": _GO,
    "html htm vue svelte | xml svg": _MARKUP,
    "java | csharp c# cs": _JAVA,
    "javascript js jsx mjs node | typescript ts tsx": _JAVASCRIPT,
    "json jsonc json5 ipynb": _JSON,
    "kotlin kt | dart | scala | swift": _KOTLIN,
    "latex tex": _LATEX,
    "lua | haskell hs": _LUA,
    "make makefile": _MAKE,
    "matlab octave": _MATLAB,
    "perl pl": _PERL,
    "powershell ps1 pwsh bat batch cmd": _POWERSHELL,
    "pycon python-console doctest": _PYCON,
    "python py python3 py3 ipython ipython3": _PYTHON,
    "r | julia jl": _R,
    "ruby rb | elixir ex exs": _RUBY,
    "rust rs": _RUST,
    "sql mysql sqlite postgres postgresql psql duckdb tsql": _SQL,
    "toml | ini cfg conf properties": _TOML,
    "yaml yml": _YAML,
}
"""By the names that a block may give its language; those of one language stand together, the first is its own."""
NAMES: dict[str, str] = {
    name: one.split()[0] for names in _ROWS for one in names.split("|") for name in one.split()
}
"""The language's own name for each of its names."""
LANGUAGES: dict[str, Language] = {
    one.split()[0]: row for names, row in _ROWS.items() for one in names.split("|")
}
