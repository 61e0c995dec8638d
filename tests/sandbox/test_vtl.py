"""The renderer of mapping templates: Velocity's rules, and the templates that it refuses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.sandbox.emulators.ministack.vtl import Rendered, Request, TemplateError, render

STATUS = "responseOverride.status"
ANSWER = """#set($status = $input.path('$.status'))
#if($status == 'SUCCEEDED')
#set($output = $util.parseJson($input.path('$.output')))
{"id": "$output.id"}
#elseif($status == "TIMED_OUT")
#set($context.responseOverride.status = 504)
{}
#else
#set($context.responseOverride.status = 502)
{"error": "$input.path('$.error')"}
#end"""
REQUEST = Request(
    body="""{"n": 3, "x": 1.99, "yes": true, "text": "é / \\"", "none": null,
        "list": [1, {"a": "b"}], "object": {"k": "v"}}""",
    query={"q": "v"},
    headers={"H": "x"},
    path={"p": "y"},
    stage_variables={"url": "example.com"},
)


def text(template: str) -> str:
    return render(template, REQUEST).text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": "SUCCEEDED", "output": '{"id": "m"}'}, Rendered('{"id": "m"}\n')),
        ({"status": "FAILED", "error": "Sqs.Gone"}, Rendered('{"error": "Sqs.Gone"}\n', {STATUS: 502})),
        ({"status": "TIMED_OUT"}, Rendered("{}\n", {STATUS: 504})),
    ],
)
def test_only_the_taken_branch_prints_and_sets(body: object, expected: Rendered) -> None:
    assert render(ANSWER, Request(body=json.dumps(body))) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("$input.path('$.n') > 2", True),
        ("$input.path('$.n') <= 2", False),
        ("$input.path('$.x') < 2", True),
        ("$input.path('$.n') == '3'", True),  # different types are compared by their texts
        ("$input.path('$.yes') == 'true'", True),
        ("$input.path('$.list[1].a') == 'b' && !($input.path('$.missing') != '')", True),
        ("$input.path('$[\"object\"].k') == $input.path('$').object['k']", True),
        ("true || $util.parseJson('no JSON')", True),
        ("false && $util.parseJson('no JSON')", False),
        ("''", True),  # Velocity 1.x: only false and null are false
        ("0", True),
        ("$input.params('q') == 'v'", True),
        ("$input.params().get('header').get('H') == 'x' && $input.params().path.p == 'y'", True),
        ('"$!input.path(\'$\').none" == ""', True),
    ],
)
def test_conditions(condition: str, expected: bool) -> None:
    assert text(f"#if({condition})yes#{{else}}no#end") == ("yes" if expected else "no")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$input.body.length()", str(len(REQUEST.body))),
        ("${input.params('q')}w $!{input.params('q')}w", "vw vw"),
        ("$5 # 1 #1 a#$", "$5 # 1 #1 a#$"),
        ("SET #state = :s, #u = if_not_exists(#u, :u)", "SET #state = :s, #u = if_not_exists(#u, :u)"),
        ("#if($input.path('$.object') == '')none#{else}$input.path('$.object').k#end", "v"),
        ("a ## gone\nb #* gone\n *#\nc", "a b \nc"),
        ("#set( $a = 'it''s' )$a", "it's"),
        ('#set ($a = "$input.params(\'q\') ""w""")$a', 'v "w"'),
        ("#set($a = 'x')#set($a = $input.params().get('header').get('h'))$a", "x"),  # null leaves a variable as it was
        ("$!input.params().get('header').get('h')|$!missing|$!missing.a.b", "||"),
        ("#if(true) \nyes\n#end\t\nend", "yes\nend"),  # a directive takes the end of its line
        ("$stageVariables.url $stageVariables['url'] ${stageVariables['url']}", "example.com " * 2 + "example.com"),
        ("$input.path('$.x') $input.path('$.yes') $input.json('$.text')", '1.99 true "é / \\""'),
        (
            "#foreach($n in [1, 'b', true])$foreach.count/$foreach.index:$n#if($foreach.hasNext), #end#end",
            "1/0:1, 2/1:b, 3/2:true",
        ),
        (
            "#foreach($i in [1, 2])#foreach($j in ['a', 'b'])$foreach.first$j#end$foreach.last;#end",
            "trueafalsebfalse;trueafalsebtrue;",
        ),
        ("#set($n = 0)#foreach($n in ['a'])$n#end$n", "a0"),  # the loop's variable ends with the loop
        ("#foreach($v in $input.path('$.object'))$v#end#foreach($v in $input.path('$.missing'))$v#end", "v"),
        ("#foreach($key in $input.path('$').object.keySet())$key#end", "k"),
        ("$input.path('$.list').size()$input.path('$.object').size()$input.path('$.list')[0]", "211"),
    ],
)
def test_output(template: str, expected: str) -> None:
    assert text(template) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3 - 4", "3"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),  # Java cuts towards zero
        ("-7 % 2", "-1"),
        ("7.0 / 2", "3.5"),
        ("10 - 3 - 2", "5"),
        ("2147483647 + 1", "2147483648"),
        ("$input.path('$.n') * 1000", "3000"),
        ("$input.path('$.n') - $input.path('$.x')", "1.01"),
        ("'a' + 1 + $input.params('q')", "a1v"),
        ("3 > 2 && 1 + 1 == 2", "true"),
        ("not (3 lt 2) and 3 ge 3 or false", "true"),
        ("1e3", "1000.0"),
        (".5 * .1", "0.05"),
        ("1.0e7", "1.0E7"),
        ("0.0001234", "1.234E-4"),
        ("-1.5e300", "-1.5E300"),
        ("9999999.0", "9999999.0"),
    ],
)
def test_arithmetic_is_java_s(expression: str, expected: str) -> None:
    assert text(f"#set($a = {expression})$a") == expected


def test_a_division_by_zero_leaves_the_variable_as_it_was() -> None:
    assert text("#set($a = 5)#set($a = 1 / 0)#set($a = 1.5 % 0)$a") == "5"


@pytest.mark.parametrize(
    ("body", "printed", "as_json"),
    [
        ("1E21", "1.0E21", "1.0E21"),
        ("12345678901234567890", "12345678901234567890", "12345678901234567890"),
        ("1.10", "1.1", "1.1"),
        ("100.0", "100.0", "100.0"),
        ("-0.0", "-0.0", "-0.0"),
        ('"1.10"', "1.10", '"1.10"'),
        ("false", "false", "false"),
    ],
)
def test_numbers_are_printed_as_java_prints_them(body: str, printed: str, as_json: str) -> None:
    template = "$input.path('$.n')|$input.json('$.n')|$input.json('$')"
    assert render(template, Request(body=f'{{"n": {body}}}')).text == f'{printed}|{as_json}|{{"n":{as_json}}}'


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("#set($m = {'a': {'b': [1, {'c': 'd'}]}, 'e': $input.params('q')})$m.a.b[1].c$m.e", "dv"),
        ("#set($m = {})#set($m.a = {})#set($m.a['b'] = 1)#set($m['a'].c = 2)$m.a.b$m.a.c$m.size()", "121"),
        ("#set($l = [])#foreach($i in [1..3])#set($x = $l.add($i * 2))#end", None),
        ("#set($l = [])#foreach($i in [1..3])#set($d = $i * 2)#set($x = $l.add($d))#end$l.size()$l[2]$l[-1]", "366"),
        ("#set($l = ['a', 'b'])#set($l[1] = 'c')#foreach($x in $l)$x#end", "ac"),
        ("#foreach($e in {'a': 1, 'b': 2}.entrySet())#end", None),
        ("#set($m = {'a': 1, 'b': 2})#foreach($e in $m.entrySet())$e.key=$e.value;#end", "a=1;b=2;"),
        ("#set($m = {'a': 1})#foreach($v in $m.values())$v#end$!m.remove('a')$m.isEmpty()", "11true"),
        ("#set($m = {'a': 1})$m.put('a', 2)$m.a$m.containsKey('z')", "12false"),
        ('#foreach($i in [0, 1])$input.json("$.list[$i]");#end', '1;{"a":"b"};'),
        ("#set($name = 'object')$input.path(\"$.${name}.k\")", "v"),
        ("#foreach($i in [3..1])#foreach($j in [1..2])$foreach.parent.index#end#end", "001122"),
        ("a#if(true)b#stop c#end d", "ab"),
        ("#set($s = ' Ab,c,, ')$s.trim().toLowerCase().split(',').size()$s.indexOf('b')$s.endsWith(' ')", "22true"),
        (
            "#set($s = 'a-b')$s.split('-')[1]$s.replace('-', '.')$s.concat('!')$s.equalsIgnoreCase('A-B')",
            "ba.ba-b!true",
        ),
        ("#set($s = '😀x')$s.length()$s.indexOf('x')$s.substring(2)", "32x"),  # units of UTF-16
        ("#set($n = $util.parseJson('{\"n\": 101}'))#if($n.n > 100 || $n.n < 1)refused#end", "refused"),
        ("#set($n = $util.parseJson('[1, 2]'))$n[1]$n.size()", "22"),
        ("#if($input.path('$.n').toString() == '3' && $input.path('$.n').equals(3))yes#end", "yes"),
    ],
)
def test_lists_objects_and_their_methods(template: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(TemplateError):
            text(template)
    else:
        assert text(template) == expected


@given(body=st.dictionaries(st.text(), st.text()))
def test_a_body_in_a_json_text_in_a_json_text_is_the_same_body(body: dict[str, str]) -> None:
    template = """{"input": "$util.escapeJavaScript($input.body).replaceAll("\\\\'", "'")"}"""
    given_text = json.dumps(body, ensure_ascii=False)
    rendered = render(template, Request(body=given_text)).text
    assert rendered.isascii()
    assert json.loads(json.loads(rendered)["input"]) == body


@given(value=st.text())
def test_what_util_encodes_it_decodes(value: str) -> None:
    template = "$util.urlDecode($util.urlEncode($input.body))|$util.base64Decode($util.base64Encode($input.body))"
    assert render(template, Request(body=value)).text == f"{value}|{value}"


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("$missing", r"nothing sets \$missing"),
        ("#if($missing)#end", r"nothing sets \$missing"),
        ("$input.path('$').none", r"has no value: write \$!input.path"),
        ("#if($input.path('$').none)#end", r"\$input.path\('\$'\).none has no value"),
        ("#if($!missing)#end", "has no value"),
        ("#if($input.path('$').none == '')#end", "has no value"),
        ("$util.urlEncode($input.path('$').none)", "has no value"),
        ("$input.path('$.object')", r"printed with \$input.json\(\)"),
        ("$util.qr('x')", "AWS does not document .qr"),
        ("$input.body.codePointAt(0)", r"the method .codePointAt\(\) of a str"),
        ("$input.path('$.n').toHexString()", "of a int"),
        ("$input.path('$..a')", r"the JSONPath \$..a"),
        ("$input.body.replaceAll('a', '$0')", "Java gives"),
        ("#if('a' < 'b')#end", "< compares numbers"),
        ("#foreach($a in 'text')#end", "takes a list or an object"),
        ("#set($context.stage = 'x')", r"\$context.stage cannot be set"),
        ("#set($input = 'x')", r"\$input cannot be set"),
        ("#set($context.responseOverride.status = 400)" * 2, "an override may only be applied once"),
        ("#macro(m)#end", "#macro is not a directive"),
        ("#define($d)#end", "#define is not a directive"),
        ("#break", "#break is not a directive"),
        ("#[[$x]]#", "is not a directive"),
        ("#endif", "#endif is not a directive"),
        ("#mine($x)", "is not a directive"),
        (r"\$input.body", r"the escape \\\$"),
        ("#if(true)", "the end of the template stands where #end"),
        ("#if(true)#else#elseif(true)#end", "#elseif stands after #else"),
        ("#foreach($a in [1])#else#end", "stands where #end should be"),
        ("#end", "has no #if or #foreach before it"),
        ("$util.urlEncode(1 + 1)", r"stands where , or \) should be"),  # Velocity 1.x calculates in directives alone
        ("#set($a = 'x' - 1)", "- takes numbers, got 'x' and 1"),
        ("#set($a = true + 1)", r"\+ takes numbers"),
        ("#set($a = {'b' 1})", "stands where : should be"),
        ("#set($a = [1..$input.path('$.n')])", "stands where"),  # API Gateway knows ranges of literals alone
        ("#set($a.b = 1)", "nothing sets"),
        ("#set($a = 'text')#set($a.b = 1)", "neither an object nor a list"),
        ("#set($a = [1])#set($a.b = 1)", "a list has numbers and no names"),
        ("#set($a = {})#set($a.get('b') = 1)", r"the result of .get\(\) cannot be set"),
        ("#set($a = {})$a.b", "has no value"),
        ("$input.body.matches('[')", "is not one for Python"),
        ("$input.params('q').substring(2)", "has 1 characters, and none from 2 to 1"),
        ("$input.path('$.list').get(-1)", "IndexError"),
        ("#set($a = null)", "stands where a value should be"),
        ("$input.params('q'", "the end of the template"),
        ("$util.parseJson('{')", "JSONDecodeError"),
        ("$input.path('$.list')[9]", "IndexError"),
    ],
)
def test_a_template_without_a_documented_result_is_an_error_that_names_it(template: str, error: str) -> None:
    with pytest.raises(TemplateError, match=error):
        text(template)


def test_a_loop_ends_at_api_gateways_maximum() -> None:
    template = "#foreach($n in $input.path('$'))x#end"
    assert render(template, Request(body=json.dumps([1] * 1000))).text == "x" * 1000
    with pytest.raises(TemplateError, match="1001 items, and API Gateway's maximum is 1000"):
        render(template, Request(body=json.dumps([1] * 1001)))
