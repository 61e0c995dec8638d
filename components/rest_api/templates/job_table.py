"""The job as callers see it: the members of its JSON object, made from an item of the job table.

`GET` makes it by a mapping template (VTL), and the workflow `cancel` by an expression (JSONata).
"""

from components import _problems
from components.rest_api.templates.sqs import escaped
from components.workflows.header_rules import REFERENCE

#: The ids that jobs have: UUIDs, and 32 hexadecimal digits. No other id reaches the table.
ID = "[0-9A-Za-z-]{1,64}"
#: States that are stored, and the one that a reader shows for a running job whose claim ran out.
STATES = ("queued", "scheduled", "running", "succeeded", "failed", "rejected", "cancelled")
STALLED = "stalled"
#: States that never change.
FINAL = ("succeeded", "failed", "rejected", "cancelled")
#: Seconds after which a caller asks again for a job that is not final.
ASK_AGAIN = "5"
#: Attributes in the order of the object's members, with DynamoDB's types. `result` is JSON itself.
_MEMBERS = {
    "created": "N",
    "at": "N",
    "started": "N",
    "finished": "N",
    "attempt": "N",
    "progress": "N",
    "note": "S",
    "result": "JSON",
    "error": "S",
    "reference": "S",
    "group": "S",
}


def json_of_item(item: str) -> str:
    """The object's text: an expression in JSONata, of an expression for the item."""
    members = [_member(name, kind) for name, kind in _MEMBERS.items()]
    parts = ["'\"id\":' & $quoted($item.id.S)", "'\"state\":' & $quoted($state)", *members]
    return f"""(
$item := {item};
$quoted := function($text) {{ ($object := $string({{'t': $text}}); $substring($object, 5, $length($object) - 6)) }};
$late := $exists($item.until) ? $number($item.until.N) < $millis() / 1000 : false;
$state := $item.state.S = 'running' and $late ? '{STALLED}' : $item.state.S;
'{{' & $join([{", ".join(parts)}], ',') & '}}'
)"""


def _member(name: str, kind: str) -> str:
    value = {"N": f"$item.{name}.N", "JSON": f"$item.{name}.S", "S": f"$quoted($item.{name}.S)"}[kind]
    # without a value it has no place in the array
    return f"$exists($item.{name}) ? '\"{name}\":' & {value}"


def job() -> str:
    """The object, of the variable `item`, and sets `state`: a part of a template."""
    members = "\n".join(_optional(name, kind) for name, kind in _MEMBERS.items())
    return f"""#set($state = $item.state.S)
#if($state == "running" && "$!item.until.N" != "")
{before_now("late", "$item.until.N")}
#if($late)
#set($state = "{STALLED}")
#end
#end
{{"id": "$item.id.S", "state": "$state"
{members}
}}"""


def _optional(name: str, kind: str) -> str:
    reference = f"item.{name}.{'N' if kind == 'N' else 'S'}"
    value = f'"{escaped("$" + reference)}"' if kind == "S" else f"${reference}"
    return f'#if("$!{reference}" != ""), "{name}": {value}#end'


def before_now(name: str, seconds: str) -> str:
    """Sets a variable: whether a time of the table (Unix seconds, perhaps with a fraction) is in the past."""
    return f"""#set($quote = '"')
#set($whole = {seconds}.replaceAll("[.].*", ""))
#set($times = "{{${{quote}}then${{quote}}: ${{whole}}000, ${{quote}}now${{quote}}: $context.requestTimeEpoch}}")
#set($times = $util.parseJson($times))
#set(${name} = $times.then < $times.now)"""


def get_template(table: str) -> str:
    """The request to DynamoDB for `GET /jobs/{id}`. An id that no job can have is replaced by one of that kind."""
    return f"""#set($id = $input.params('id'))
#if(!$id.matches("{ID}"))
#set($id = "-")
#end
{{"TableName": "{table}", "Key": {{"id": {{"S": "$id"}}}}, "ConsistentRead": true}}"""


#: The response template of `GET /jobs/{id}`. DynamoDB answers 200 without an item too, and deletes expired ones late.
GET_ANSWER = f"""#set($gone = true)
#if("$!input.path('$.Item.id.S')" != "")
#set($item = $input.path('$.Item'))
{before_now("gone", "$item.expires.N")}
#end
#if($gone)
{_problems.answer(_problems.NO_SUCH_JOB)}
#else
{job()}
#set($final = "{" ".join(FINAL)}")
#if(!$final.contains($state))
#set($context.responseOverride.header.Retry-After = "{ASK_AGAIN}")
#end
#end"""

#: Rules of the parameters of `GET /jobs`.
_LIMIT = "[1-9][0-9]?|100"
DEFAULT_LIMIT = 50
_CURSOR = rf"[0-9]{{10}}[.]{ID}"
LIST_RULES = (
    f"GET /jobs takes either state ({', '.join((*STATES, STALLED))}) or reference, "
    f"limit from 1 to 100, and as cursor that of an earlier answer."
)


def list_template(table: str) -> str:
    """The request to DynamoDB for `GET /jobs?…`. For wrong parameters it is a query that DynamoDB refuses."""
    parameters = "\n".join(
        f"#set(${name} = \"$!input.params().get('querystring').get('{name}')\")"
        for name in ("state", "reference", "limit", "cursor")
    )
    states = "|".join((*STATES, STALLED))
    return f"""{parameters}
#if($limit == "")
#set($limit = "{DEFAULT_LIMIT}")
#end
#set($index = "by-state")
#set($name = "state")
#set($value = $state)
#set($filter = "expires > :now")
#set($names = "")
#set($quote = '"')
#if($state == "{STALLED}")
#set($value = "running")
#set($filter = "$filter AND #until < :now")
#set($names = ", ${{quote}}#until${{quote}}: ${{quote}}until${{quote}}")
#end
#if($reference != "")
#set($index = "by-reference")
#set($name = "reference")
#set($value = {escaped("$reference")})
#end
#set($now = "$context.requestTimeEpoch")
#set($now = $now.substring(0, 10))
#set($valid = $limit.matches("{_LIMIT}") && ($cursor == "" || $cursor.matches("{_CURSOR}")))
#set($one = ($state.matches("{states}") && $reference == "") || ($state == "" && $reference.matches("{REFERENCE}")))
#if($valid && $one)
{{
"TableName": "{table}", "IndexName": "$index", "ScanIndexForward": false, "Limit": $limit,
"KeyConditionExpression": "#key = :value", "FilterExpression": "$filter",
"ExpressionAttributeNames": {{"#key": "$name"$names}},
"ExpressionAttributeValues": {{":value": {{"S": "$value"}}, ":now": {{"N": "$now"}}}}
#if($cursor != "")
#set($created = $cursor.substring(0, 10))
#set($id = $cursor.substring(11))
, "ExclusiveStartKey": {{"id": {{"S": "$id"}}, "created": {{"N": "$created"}}, "$name": {{"S": "$value"}}}}
#end
}}
#else
{{"TableName": "{table}", "Limit": 0}}
#end"""


#: The response template of `GET /jobs?…`.
LIST_ANSWER = f"""{{"jobs": [
#foreach($item in $input.path('$.Items'))
{job()}
#if($foreach.hasNext),#end
#end
]
#set($last = "$!input.path('$.LastEvaluatedKey.id.S')")
#if($last != "")
#set($created = $input.path('$.LastEvaluatedKey.created.N'))
, "cursor": "${{created}}.${{last}}"
#end
}}"""


def _error(refused: str = "") -> str:
    """The response template for any error of DynamoDB. `refused`: the rules, if it can refuse parameters."""
    words = " || ".join(f'$type.contains("{word}")' for word in _problems.BUSY_WORDS)
    late = _problems.answer(_problems.UNAVAILABLE, "The job table takes no more requests at the moment.")
    wrong = f"""#if($type.contains("ValidationException"))
{_problems.answer(_problems.INVALID_PARAMETERS, refused)}
#else"""
    return f"""#set($type = "$!input.path('$.__type')")
{wrong if refused else "#"}if({words})
{late}
#else
{_problems.answer(_problems.BAD_GATEWAY, "The job table did not answer.")}
#end"""


GET_ERROR, LIST_ERROR = _error(), _error(LIST_RULES)
