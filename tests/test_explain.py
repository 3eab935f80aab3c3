"""Reasons why requests are turned away, and why classes can never be served: a case each."""

import pytest
from by_hand import changed, demanded, infeasible, network, only, proven, second_model, unserved

from placement.explain import Code

# --- what no placement can change ----------------------------------------------------------------

NEVER = {}


def never(code, *, needle):
    """A case: the code of its reason, and a change that the sentence must name."""

    def register(make):
        NEVER[f"{code}: {make.__name__}"] = (code, needle, make)
        return make

    return register


@never("no-inference-node", needle="the role inference on runner")
def no_role(runner, **_):
    """Nobody may execute."""
    runner["roles"] = ["hosting"]


@never("no-profile", needle="a profile of model llm on h100, which opens 1 node")
def no_profile(data, **_):
    """Nobody knows how fast the model is."""
    data["profiles"] = []


@never("accelerators", needle="4 accelerators on runner")
def wide_model(llm, **_):
    """A replica spans more accelerators than there are."""
    llm["accelerators"] = 4


@never("memory", needle="100 GB for each accelerator on runner")
def large_model(llm, **_):
    """An accelerator of 80 GB, a replica of 100."""
    llm["memory_gb"] = 100


@never("tee", needle="a policy that accepts tdx, which opens 1 node")
def other_tee(policy, chat, **_):
    """The node has tdx, the policy asks for sev."""
    policy.update(mode="none", requires_tee=["sev"])
    chat["policy"] = "attested"


@never("latency", needle="max_ttft_ms of at least 200")
def far_away(chat, **_):
    """100 ms to the node and 100 ms of work before the first token, of 150 ms allowed."""
    chat.update(region="us", max_ttft_ms=150)


@never("jurisdiction", needle="allowing jurisdiction EU, which opens 1 node")
def abroad(chat, **_):
    """The only executor is in the EU."""
    chat["jurisdictions"] = ["US"]


@never("no-verifier", needle="the role verification on runner, checker or spare")
def nobody_verifies(chat, checker, spare, **_):
    """No node has the role."""
    chat["policy"] = "attested"
    checker["roles"], spare["roles"] = [], ["hosting"]


@never("no-verifier", needle="a profile, accelerators and memory for model llm on checker or spare")
def nobody_re_executes(chat, policy, **_):
    """Those with the role have no accelerators."""
    chat["policy"] = "attested"
    policy["mode"] = "reexecution"


@never("no-verifier", needle="allowing jurisdiction US, which opens 1 node")
def verifiers_abroad(chat, checker, **_):
    """The only verifier is where the class must not go."""
    chat.update(policy="attested", jurisdictions=["EU"])
    checker["roles"] = []


@never("independence", needle="one more control group with the role verification")
def three_verifiers(chat, policy, **_):
    """Two groups, three verifiers wanted."""
    chat["policy"], policy["verifiers"] = "attested", 3


@never("independence", needle="independence between nodes instead of control groups")
def one_owner(data, chat, **_):
    """All nodes are under one control."""
    chat["policy"] = "attested"
    for operator in data["operators"]:
        operator["control_group"] = "one"


@never("share-cap", needle="a max_share of 0.1 for a")
def nothing_allowed(data, **_):
    """The executor's group may execute nothing."""
    data["operators"][0]["max_share"] = 0


@never("capacity", needle="a node like runner with 3 accelerators")
def long_request(chat, **_):
    """10,000 s of work where there are 7,200."""
    chat["output_tokens"] = 10_000_000


@never("capacity", needle="runner with 3 accelerators")
def slow_loading(runner, chat, **_):
    """3,600 s of work and 16,000 s of loading, at two replicas' worth of 7,200."""
    runner["load_gb_per_s"] = 16 / 4_000
    chat["output_tokens"] = 3_500_000


@never("verification-cores", needle="2 more verification cores on checker")
def long_proof(chat, policy, **_):
    """20,000 core-seconds where there are 14,400."""
    chat["policy"], policy["verification_core_s"] = "attested", 20_000


@never("max-new-replicas", needle="max_new_replicas of at least 1")
def nothing_new(data, **_):
    """The model is not in memory and may not be loaded."""
    data["limits"] = {"max_new_replicas": 0}


@pytest.mark.parametrize("name", NEVER)
def test_each_cause_is_named_with_what_would_help(name):
    """A class that can never be served has the code of its cause, in both functions."""
    code, needle, make = NEVER[name]
    data = changed(make)
    for reason in (only(unserved(data)), only(infeasible(demanded(data)))):
        assert (reason.code, reason.entities) == (code, ("chat",))
        assert needle in reason.sentence
    assert not infeasible(data)


def test_weights_that_nobody_can_store():
    """Without min_hosts a model may be stored nowhere, but then it cannot be loaded either."""
    data = network()
    data["models"][0]["min_hosts"] = 0
    data["nodes"][0].update(storage_gb=10, hosted=[])
    data["nodes"][2]["storage_gb"] = 10
    for reason in (only(unserved(data, hosting={})), only(infeasible(demanded(data)))):
        assert reason.code == "hosting"
        assert "16 GB of storage on a node with the role hosting" in reason.sentence


def test_weights_that_may_not_be_moved():
    """The weights are on another node and nothing may be moved."""
    data = network() | {"limits": {"max_transfer_gb": 0}}
    data["nodes"][0]["hosted"], data["nodes"][2]["hosted"] = [], ["llm"]
    reasons = [only(unserved(data, hosting={"llm": ["spare"]})), *infeasible(demanded(data))]
    for reason in reasons:
        assert reason.code == "max-transfer"
        assert "max_transfer_gb of at least 16" in reason.sentence


def test_a_penalty_below_the_cost_of_serving():
    """1.1 s at $1 a second cost more than the penalty of $1, which makes nothing infeasible."""
    data = network()
    data["nodes"][0]["accelerator_cost_per_hour"] = 3600
    reason = only(unserved(data))
    assert reason.code == "price"
    assert "a penalty above $1.1" in reason.sentence
    assert not infeasible(demanded(data))


def test_other_conditions_that_rule_all_out_are_told():
    """Neither a tee nor a jurisdiction fits: one is the code, both are in the sentence."""
    data = changed(other_tee)
    data["requests"][0]["jurisdictions"] = ["US"]
    reason = only(unserved(data))
    assert reason.code == "tee"
    assert "the jurisdiction alone rules out every node too" not in reason.sentence
    data["nodes"].pop()
    assert "the jurisdiction alone rules out every node too" in only(unserved(data)).sentence


def test_where_no_single_change_helps_the_node_wanted_is_described():
    """Two conditions in the way at once: the sentence says what a node must have."""
    data = changed(other_tee)
    data["requests"][0].update(jurisdictions=["US"], max_ttft_ms=500)
    assert (
        "what would help: a node with the role inference, at least 1 accelerator of type h100 "
        "with 20 GB each, TEE sev, in US, first tokens within 500 ms."
    ) in only(unserved(data)).sentence


def test_pairs_are_the_only_nodes_of_their_class():
    """A plain job that lists a node without the role, while others would have it."""
    data = network()
    data["requests"][0] = {"name": "job", "count": 2, "penalty": 1}
    data["pairs"] = [{"request": "job", "node": "spare", "work_s": 5}]
    reason = only(unserved(data))
    assert reason.code == "no-inference-node"
    assert "the role inference on spare" in reason.sentence


# --- what a placement uses up --------------------------------------------------------------------


def serving(served, *, replicas=1, **more):
    """Decisions: so many replicas on `runner`, loaded from itself, and requests executed there."""
    held = {"model": "llm", "node": "runner", "count": replicas}
    run = {"request": "chat", "node": "runner", "count": served}
    loads = [held | {"source": "runner"}]
    return {"replicas": [held], "loads": loads, "inference": [run]} | more


def checking(**checks):
    """Decisions: verifications by node."""
    rows = [{"request": "chat", "node": n, "count": c} for n, c in checks.items()]
    return {"verification": rows}


def test_capacity_in_use():
    """Both replicas are busy to the last request."""
    data = network()
    data["requests"][0]["count"] = 7_000
    reason = only(unserved(data, **serving(6_516, replicas=2)))
    assert reason.code == "capacity-in-use"
    assert reason.sentence == (
        "484 requests of class chat are turned away because the nodes able to execute them have "
        "no time left (of 1 able node runner has most time for them, 0.4 accelerator-seconds left, "
        "and one takes 1.1); what would help: another node like runner."
    )


def test_time_for_a_few_is_as_good_as_none():
    """Ten more would fit, 490 are turned away."""
    data = network()
    data["requests"][0]["count"] = 7_000
    reason = only(unserved(data, **serving(6_506, replicas=2)))
    assert reason.code == "capacity-in-use"
    assert "less than half of them" in reason.sentence


def test_share_used_up():
    """Half of ten are executed, and that is all the group may."""
    data = network()
    data["operators"][0]["max_share"] = 0.5
    reason = only(unserved(data, **serving(5)))
    assert reason.code == "share-cap"
    assert "a may execute at most 50 % of all requests" in reason.sentence


def test_not_loaded():
    """A second model needs 150 GB of which 140 are left."""
    data = network()
    second_model(data, memory_gb=150, accelerators=2)
    hosting = {"llm": ["runner"], "other": ["runner"]}
    reason = only(unserved(data, hosting, **serving(10)))
    assert (reason.code, reason.entities) == ("not-loaded", ("more",))
    assert "takes 150 GB" in reason.sentence
    assert "runner comes closest, with 140 GB" in reason.sentence


def test_new_replicas_used_up():
    """One replica has an hour for 3,272 requests, and there may be no second."""
    data = network() | {"limits": {"max_new_replicas": 1}}
    data["requests"][0]["count"] = 7_000
    reason = only(unserved(data, **serving(3_272)))
    assert reason.code == "max-new-replicas"
    assert "max_new_replicas of at least 2" in reason.sentence


def test_transfer_used_up():
    """The weights came from another node, once; a second time is not allowed."""
    data = network() | {"limits": {"max_transfer_gb": 16}}
    data["nodes"][0]["hosted"], data["nodes"][2]["hosted"] = [], ["llm"]
    data["requests"][0]["count"] = 7_000
    decisions = serving(3_272)
    decisions["loads"][0]["source"] = "spare"
    reason = only(unserved(data, {"llm": ["spare"]}, **decisions))
    assert reason.code == "max-transfer"
    assert "max_transfer_gb of at least 32" in reason.sentence


def test_verification_cores_used_up():
    """Eight cores for an hour verify eight of ten."""
    decisions = serving(8, **checking(checker=4, spare=4))
    reason = only(unserved(proven(network()), **decisions))
    assert reason.code == "verification-cores"
    assert "1 more verification core on" in reason.sentence


def test_independent_verifiers_used_up():
    """Two groups verify each request; one of them has no core left."""
    data = proven(network(), verifiers=2)
    data["nodes"][2]["verification_cores"] = 1
    reason = only(unserved(data, **serving(1, **checking(checker=1, spare=1))))
    assert reason.code == "independence"
    assert "control groups with what verifying takes: b" in reason.sentence


def test_loading_for_too_few():
    """A new replica costs 16 s of accelerator time, more than one request saves."""
    data = network()
    second_model(data)
    data["requests"][1]["penalty"] = 0.01
    hosting = {"llm": ["runner"], "other": ["runner"]}
    reason = only(unserved(data, hosting, **serving(10)))
    assert (reason.code, reason.entities) == ("price", ("more",))
    assert "another replica costs at least $0.01333" in reason.sentence


def test_room_that_was_not_used():
    """A replica idles and serving pays: nothing but the search is to blame."""
    reason = only(unserved(network(), **serving(4)))
    assert reason.code == "search"
    assert "one costs $0.0009167 on runner" in reason.sentence


def test_no_single_thing_is_short():
    """Serving and verifying more would each be possible: no claim beyond that is made."""
    data = proven(network(), core_s=10)
    reason = only(unserved(data, **serving(4, **checking(checker=4))))
    assert reason.code == "combination"


def test_all_served_needs_no_reason():
    """Nobody is turned away."""
    assert unserved(network(), **serving(10)) == ()


# --- long lists ----------------------------------------------------------------------------------


def test_classes_of_one_cause_share_a_reason():
    """Thirty classes, one sentence with the largest three, twenty entities."""
    data = changed(other_tee)
    one = data["requests"][0]
    data["requests"] = [one | {"name": f"c{i:02}", "count": 1 + i} for i in range(30)]
    reason = only(unserved(data))
    assert reason.entities == tuple(f"c{i:02}" for i in range(29, 9, -1))
    start = "465 requests of 30 classes (c29, c28, c27 and 27 more) are turned away because"
    assert reason.sentence.startswith(start)


def test_many_keys_of_one_cause_share_the_last_reason():
    """Twelve models without profile: eight reasons, the last for five of them."""
    data = network()
    data["models"] = [data["models"][0] | {"name": f"m{i:02}"} for i in range(12)]
    one = data["requests"][0]
    data["requests"] = [one | {"name": f"c{i:02}", "model": f"m{i:02}"} for i in range(12)]
    data["profiles"], data["nodes"][0]["hosted"] = [], []
    reasons = unserved(data, {f"m{i:02}": ["runner"] for i in range(12)})
    assert [len(reason.entities) for reason in reasons] == [1] * 7 + [5]


def test_codes_are_unique_and_say_what_they_mean():
    """The table of codes: stable names, a meaning each."""
    assert len({code.value for code in Code}) == len(Code)
    assert all(code.meaning and code == code.value for code in Code)
