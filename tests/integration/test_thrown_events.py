"""What an instance throws reaches the others in the same transaction, once, and never for ever."""

from __future__ import annotations

import pytest

from engine.commands.processes import broadcast_signal, correlate_message, start_process
from engine.errors import LoopLimit, NotAllowed, RunFailed
from engine.instances import MAXIMUM_CASCADE
from models.audit import AuditEvent
from models.database import Database
from models.instance import Instance, Message, MessageWait
from models.vocabulary import AuditTag
from tests.conftest import MovableClock
from tests.integration.play_diagrams import Table

SIGNALS = '<signal id="a" name="A"/><signal id="b" name="B"/>'
MESSAGES = '<message id="m" name="order_paid"/>'
LISTENER = """
    start begin
    catch wait | <signalEventDefinition signalRef="a"/>
    user after
    end done
    begin > wait > after > done
"""
THROWER = """
    start begin
    user decide
    throw tell | <signalEventDefinition signalRef="a"/>
    user after
    end done
    begin > decide > tell > after > done
"""
SENDER = """
    start begin
    user decide
    throw tell | <messageEventDefinition messageRef="m"/>
    user after
    end done
    begin > decide > tell > after > done
"""
RECEIVER = """
    start begin
    catch wait | <messageEventDefinition messageRef="m"/>
    user after
    end done
    begin > wait > after > done
"""


@pytest.fixture
def table(database: Database, clock: MovableClock) -> Table:
    return Table(database, clock)


def tags(table: Table, instance_id: str) -> list[str]:
    return [event.tag for event in table.all(AuditEvent, AuditEvent.chain_id == instance_id)]


class TestSignals:
    def test_a_thrown_signal_reaches_every_instance_that_waits_for_it(self, table: Table) -> None:
        table.put("listener", LISTENER, before=SIGNALS)
        table.put("thrower", THROWER, before=SIGNALS)
        first, second = table.start("listener"), table.start("listener", "K2")
        thrower = table.start("thrower")

        table.finish("decide", thrower)

        assert [table.waits_at(one) for one in (first, second, thrower)] == [["after"]] * 3
        assert tags(table, first).count(AuditTag.SIGNAL_DELIVERED) == 1

    def test_a_signal_reaches_its_own_instance_once(self, table: Table) -> None:
        notation = """
            start begin
            and split
            user decide
            throw tell | <signalEventDefinition signalRef="a"/>
            catch wait | <signalEventDefinition signalRef="a"/>
            catch wait_again | <signalEventDefinition signalRef="a"/>
            end told
            end done
            begin > split > decide > tell > told
            split > wait > wait_again > done
        """
        table.put("both", notation, before=SIGNALS)
        instance = table.start("both")

        table.finish("decide")

        assert table.waits_at(instance) == ["wait_again"]

    def test_an_instance_that_starts_waiting_later_does_not_get_an_earlier_signal(
        self, table: Table
    ) -> None:
        table.put("listener", LISTENER, before=SIGNALS)
        reached = table.do(broadcast_signal, name="A")

        late = table.start("listener")

        assert reached == []
        assert table.waits_at(late) == ["wait"]

    def test_a_signal_to_two_waiting_events_of_which_the_first_interrupts_the_second(
        self, table: Table
    ) -> None:
        notation = """
            start begin
            sub inside {
            start in
            catch wait | <signalEventDefinition signalRef="a"/>
            end out
            in > wait > out
            }
            boundary stop attachedToRef="inside" | <signalEventDefinition signalRef="a"/>
            user after
            end done
            end stopped
            begin > inside > done
            stop > after > stopped
        """
        table.put("nested", notation, before=SIGNALS)
        instance = table.start("nested")

        table.do(broadcast_signal, name="A")

        assert table.waits_at(instance) == ["after"]
        assert table.all(MessageWait, MessageWait.instance_id == instance) == []

    def test_broadcasting_needs_a_role_and_gives_who_was_reached(self, table: Table) -> None:
        table.put("listener", LISTENER, before=SIGNALS)
        waiting = table.start("listener")
        owner = table.person

        table.person = type(owner)(owner.person_id, owner.name, frozenset({"auditor"}))
        with pytest.raises(NotAllowed):
            table.do(broadcast_signal, name="A")
        table.person = owner
        reached = table.do(broadcast_signal, name="A", payload={"amount": 3})

        assert reached == [waiting]
        assert table.instance(waiting).kept_variables["amount"] == 3

    def test_instances_that_signal_each_other_for_ever_are_stopped_and_nothing_is_changed(
        self, table: Table
    ) -> None:
        echo = """
            start begin
            catch wait | <signalEventDefinition signalRef="{heard}"/>
            throw answer | <signalEventDefinition signalRef="{said}"/>
            begin > wait > answer > wait
        """
        table.put("ping", echo.format(heard="a", said="b"), before=SIGNALS)
        table.put("pong", echo.format(heard="b", said="a"), before=SIGNALS)
        ping, pong = table.start("ping"), table.start("pong")
        before = len(table.all(AuditEvent))
        version = table.instance(ping).version

        with pytest.raises(LoopLimit) as storm:
            table.do(broadcast_signal, name="A")

        assert f"{MAXIMUM_CASCADE:,}" in storm.value.message
        assert storm.value.field == "answer"
        [incident] = table.open_incidents()
        assert incident.instance_id in (ping, pong)
        assert (incident.element_id, incident.kind) == ("answer", "loop-limit")
        assert [table.waits_at(one) for one in (ping, pong)] == [["wait"], ["wait"]]
        assert len(table.all(AuditEvent)) == before + 1
        assert table.instance(ping).visits == {"begin": 1}
        assert table.instance(ping).version <= version + 1

    def test_what_fails_in_a_reached_instance_undoes_the_throw_as_well(self, table: Table) -> None:
        breaking = """
            start begin
            catch wait | <signalEventDefinition signalRef="a"/>
            xor choose
            end done
            begin > wait > choose
            choose > done : amount > 5
        """
        table.put("listener", breaking, before=SIGNALS)
        table.put("thrower", THROWER, before=SIGNALS)
        listener, thrower = table.start("listener", amount=1), table.start("thrower")

        with pytest.raises(RunFailed):
            table.finish("decide", thrower)

        assert table.waits_at(thrower) == ["decide"]
        [incident] = table.open_incidents()
        assert (incident.instance_id, incident.element_id) == (listener, "choose")


class TestMessages:
    def test_a_thrown_message_reaches_the_instance_of_the_same_business_key(
        self, table: Table
    ) -> None:
        table.put("receiver", RECEIVER, before=MESSAGES)
        table.put("sender", SENDER, before=MESSAGES)
        other, wanted = table.start("receiver", "K1"), table.start("receiver", "K2")
        sender = table.start("sender", "K2")

        table.finish("decide", sender)

        assert table.waits_at(other) == ["wait"]
        assert table.waits_at(wanted) == ["after"]

    def test_a_thrown_message_that_nobody_waits_for_is_kept_until_somebody_does(
        self, table: Table
    ) -> None:
        table.put("receiver", RECEIVER, before=MESSAGES)
        table.put("sender", SENDER, before=MESSAGES)
        sender = table.start("sender", "K2")
        table.finish("decide", sender)
        [kept] = table.all(Message)

        receiver = table.start("receiver", "K2")

        assert kept.message_id.startswith(f"thrown:{sender}:")
        assert table.waits_at(receiver) == ["after"]
        [delivered] = table.all(Message)
        assert delivered.instance_id == receiver

    def test_a_thrown_message_that_is_too_old_is_not_delivered(self, table: Table) -> None:
        table.put("receiver", RECEIVER, before=MESSAGES)
        table.put("sender", SENDER, before=MESSAGES)
        table.finish("decide", table.start("sender", "K2"))

        table.clock.advance(days=2)
        receiver = table.start("receiver", "K2")

        assert table.waits_at(receiver) == ["wait"]

    def test_a_key_in_the_diagram_chooses_the_instance(self, table: Table) -> None:
        keyed = SENDER.replace("throw tell", 'throw tell assent:correlationKey="=order"')
        table.put("receiver", RECEIVER, before=MESSAGES)
        table.put("sender", keyed, before=MESSAGES)
        wanted = table.start("receiver", "O-7")

        sender = table.start("sender", "K2", order="O-7")
        table.finish("decide", sender)

        assert table.waits_at(wanted) == ["after"]

    def test_an_instance_may_send_a_message_to_itself(self, table: Table) -> None:
        notation = """
            start begin
            and split
            user decide
            throw tell | <messageEventDefinition messageRef="m"/>
            catch wait | <messageEventDefinition messageRef="m"/>
            user after
            end told
            end done
            begin > split > decide > tell > told
            split > wait > after > done
        """
        table.put("both", notation, before=MESSAGES)
        instance = table.start("both")

        table.finish("decide")

        assert table.waits_at(instance) == ["after"]

    def test_a_loop_takes_every_message_that_was_kept_for_it(self, table: Table) -> None:
        notation = """
            start begin
            catch wait | <messageEventDefinition messageRef="m"/>
            script count scriptFormat="feel" | <script>count = count + 1</script>
            begin > wait > count > wait
        """
        table.put("counter", notation, before=MESSAGES)
        for number in range(60):
            table.do(
                correlate_message,
                name="order_paid",
                correlation_key="K1",
                message_id=f"pay-{number}",
            )

        instance = table.start("counter", count=0)

        assert table.instance(instance).kept_variables["count"] == 60
        assert all(message.instance_id == instance for message in table.all(Message))

    def test_a_storm_of_messages_is_stopped(self, table: Table) -> None:
        notation = """
            start begin
            throw tell | <messageEventDefinition messageRef="m"/>
            catch wait | <messageEventDefinition messageRef="m"/>
            begin > tell > wait > tell
        """
        table.put("echo", notation, before=MESSAGES)
        with pytest.raises(LoopLimit):
            table.do(start_process, key="echo", data={}, business_key="K1")

        assert table.all(Message) == []
        assert table.all(Instance) == []
        assert table.open_incidents() == []
