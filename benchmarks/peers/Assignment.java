// Run by Java with the jars of Timefold: bundles as planning entities, nodes as their values.
//
// Reads numbers from standard input in the order of `read`, and writes a line of JSON for each
// answer. No first bundle pays for a node alone, which Timefold's manual calls a score trap; so a
// first solver sees what nodes and replicas cost spread over their work, a second one as it is.

import ai.timefold.solver.core.api.domain.entity.PlanningEntity;
import ai.timefold.solver.core.api.domain.lookup.PlanningId;
import ai.timefold.solver.core.api.domain.solution.PlanningEntityCollectionProperty;
import ai.timefold.solver.core.api.domain.solution.PlanningScore;
import ai.timefold.solver.core.api.domain.solution.PlanningSolution;
import ai.timefold.solver.core.api.domain.valuerange.ValueRangeProvider;
import ai.timefold.solver.core.api.domain.variable.PlanningVariable;
import ai.timefold.solver.core.api.score.buildin.hardsoftlong.HardSoftLongScore;
import ai.timefold.solver.core.api.score.stream.Constraint;
import ai.timefold.solver.core.api.score.stream.ConstraintCollectors;
import ai.timefold.solver.core.api.score.stream.ConstraintFactory;
import ai.timefold.solver.core.api.score.stream.ConstraintProvider;
import ai.timefold.solver.core.api.score.stream.Joiners;
import ai.timefold.solver.core.api.solver.SolverFactory;
import ai.timefold.solver.core.config.solver.SolverConfig;
import ai.timefold.solver.core.config.solver.termination.TerminationConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.StringTokenizer;
import java.util.stream.Collectors;

public class Assignment {
    // Scores are whole numbers: money, work and memory are counted in millionths.
    static final double PARTS = 1e6;
    static final double FIRST = 0.3; // Share of the time for the first solver.

    public static class Node {
        public int index;
        public int group;
        public long capacity;
        public long memory;
        public long engagement;
        public long[] replicaPrice;
    }

    public static class Sort {
        public int model;
        public long requests;
        public int apart; // 0 by control group, 1 by node, 2 not at all
        public long away;
        public List<Node> nodes = new ArrayList<>();
        public long[] work;
        public long[] share;
        public long[] cost;
        public long[] spread; // cost with what nodes and replicas cost spread over their work
    }

    @PlanningEntity
    public static class Bundle {
        @PlanningId public int id;
        public Sort sort;
        public int team;

        @PlanningVariable(allowsUnassigned = true)
        public Node node;

        @ValueRangeProvider
        public List<Node> getNodes() {
            return sort.nodes;
        }

        public Node getNode() {
            return node;
        }

        public int getTeam() {
            return team;
        }

        public long work() {
            return sort.work[node.index];
        }

        public long share() {
            return sort.share[node.index];
        }

        public long cost() {
            return (Rules.rough ? sort.spread : sort.cost)[node.index];
        }
    }

    @PlanningSolution
    public static class Plan {
        @PlanningEntityCollectionProperty public List<Bundle> bundles;
        @PlanningScore public HardSoftLongScore score;
    }

    public static class Rules implements ConstraintProvider {
        static boolean rough; // whether costs of nodes and replicas are spread
        static long[] groupMost; // -1 where unlimited
        static long[] replicaMemory;

        @Override
        public Constraint[] defineConstraints(ConstraintFactory rules) {
            return new Constraint[] {
                cost(rules), away(rules), engagement(rules), loading(rules),
                capacity(rules), memory(rules), share(rules), apart(rules),
            };
        }

        static long replicas(long share) {
            return Math.max(1, (share + (long) PARTS - 1) / (long) PARTS);
        }

        Constraint cost(ConstraintFactory rules) {
            return rules.forEach(Bundle.class)
                .penalizeLong(HardSoftLongScore.ONE_SOFT, Bundle::cost).asConstraint("cost");
        }

        Constraint away(ConstraintFactory rules) {
            return rules.forEachIncludingUnassigned(Bundle.class).filter(b -> b.node == null)
                .penalizeLong(HardSoftLongScore.ONE_SOFT, b -> b.sort.away).asConstraint("away");
        }

        Constraint engagement(ConstraintFactory rules) {
            return rules.forEach(Bundle.class).groupBy(Bundle::getNode)
                .penalizeLong(HardSoftLongScore.ONE_SOFT, n -> rough ? 0 : n.engagement)
                .asConstraint("engagement");
        }

        Constraint loading(ConstraintFactory rules) {
            return rules.forEach(Bundle.class).filter(b -> b.sort.model >= 0)
                .groupBy(Bundle::getNode, b -> b.sort.model,
                    ConstraintCollectors.sumLong(Bundle::share))
                .penalizeLong(HardSoftLongScore.ONE_SOFT,
                    (n, m, s) -> rough ? 0 : n.replicaPrice[m] * replicas(s))
                .asConstraint("loading");
        }

        Constraint capacity(ConstraintFactory rules) {
            return rules.forEach(Bundle.class)
                .groupBy(Bundle::getNode, ConstraintCollectors.sumLong(Bundle::work))
                .filter((n, work) -> work > n.capacity)
                .penalizeLong(HardSoftLongScore.ONE_HARD, (n, work) -> work - n.capacity)
                .asConstraint("capacity");
        }

        Constraint memory(ConstraintFactory rules) {
            return rules.forEach(Bundle.class).filter(b -> b.sort.model >= 0)
                .groupBy(Bundle::getNode, b -> b.sort.model,
                    ConstraintCollectors.sumLong(Bundle::share))
                .groupBy((n, m, s) -> n,
                    ConstraintCollectors.sumLong((n, m, s) -> replicaMemory[m] * replicas(s)))
                .filter((n, held) -> held > n.memory)
                .penalizeLong(HardSoftLongScore.ONE_HARD, (n, held) -> held - n.memory)
                .asConstraint("memory");
        }

        Constraint share(ConstraintFactory rules) {
            return rules.forEach(Bundle.class).filter(b -> groupMost[b.node.group] >= 0)
                .groupBy(b -> b.node.group, ConstraintCollectors.sumLong(b -> b.sort.requests))
                .filter((group, count) -> count > groupMost[group])
                .penalizeLong(HardSoftLongScore.ONE_HARD,
                    (group, count) -> (count - groupMost[group]) * (long) PARTS)
                .asConstraint("share");
        }

        Constraint apart(ConstraintFactory rules) {
            return rules.forEachUniquePair(Bundle.class, Joiners.equal(Bundle::getTeam))
                .filter((a, b) -> a.sort.apart == 0 ? a.node.group == b.node.group
                    : a.sort.apart == 1 && a.node == b.node)
                .penalizeLong(HardSoftLongScore.ONE_HARD, (a, b) -> a.sort.requests * (long) PARTS
                    + (long) PARTS)
                .asConstraint("apart");
        }
    }

    static StringTokenizer numbers;

    static double real() {
        return Double.parseDouble(numbers.nextToken());
    }

    static int whole() {
        return Integer.parseInt(numbers.nextToken());
    }

    static long parts() {
        return Math.round(real() * PARTS);
    }

    static long[] list(int size) {
        long[] values = new long[size];
        for (int i = 0; i < size; i++) {
            values[i] = parts();
        }
        return values;
    }

    static Plan read() {
        List<Node> nodes = new ArrayList<>();
        int size = whole();
        int models = whole();
        for (int i = 0; i < size; i++) {
            Node node = new Node();
            node.index = i;
            node.group = whole();
            node.capacity = parts();
            node.memory = parts();
            node.engagement = parts();
            node.replicaPrice = list(models);
            nodes.add(node);
        }
        Rules.replicaMemory = list(models);
        Rules.groupMost = new long[whole()];
        for (int i = 0; i < Rules.groupMost.length; i++) {
            Rules.groupMost[i] = whole();
        }
        List<Sort> sorts = new ArrayList<>();
        for (int left = whole(); left > 0; left--) {
            sorts.add(readSort(nodes));
        }
        Plan plan = new Plan();
        plan.bundles = new ArrayList<>();
        for (int left = whole(); left > 0; left--) {
            Bundle bundle = new Bundle();
            bundle.id = plan.bundles.size();
            bundle.sort = sorts.get(whole());
            bundle.team = whole();
            plan.bundles.add(bundle);
        }
        return plan;
    }

    static Sort readSort(List<Node> nodes) {
        Sort sort = new Sort();
        sort.model = whole();
        sort.requests = whole();
        sort.apart = whole();
        sort.away = parts();
        sort.work = new long[nodes.size()];
        sort.share = new long[nodes.size()];
        sort.cost = new long[nodes.size()];
        sort.spread = new long[nodes.size()];
        for (int left = whole(); left > 0; left--) {
            int at = whole();
            sort.nodes.add(nodes.get(at));
            sort.work[at] = parts();
            sort.share[at] = parts();
            sort.cost[at] = parts();
            sort.spread[at] = parts();
        }
        return sort;
    }

    static Plan solve(SolverConfig config, Plan plan, double seconds) {
        TerminationConfig end = new TerminationConfig()
            .withSpentLimit(Duration.ofMillis(Math.max(1, (long) (1000 * seconds))));
        config.withTerminationConfig(end);
        Plan found = SolverFactory.<Plan>create(config).buildSolver().solve(plan);
        System.out.println(found.bundles.stream()
            .map(b -> b.node == null ? "-1" : String.valueOf(b.node.index))
            .collect(Collectors.joining(", ", "{\"at\": [", "]}")));
        return found;
    }

    static double left(double end) {
        return end - System.currentTimeMillis() / 1e3;
    }

    public static void main(String[] arguments) throws IOException {
        byte[] given = System.in.readAllBytes();
        numbers = new StringTokenizer(new String(given, StandardCharsets.US_ASCII));
        double end = real();
        SolverConfig config = new SolverConfig()
            .withSolutionClass(Plan.class).withEntityClasses(Bundle.class)
            .withConstraintProviderClass(Rules.class).withRandomSeed((long) whole());
        Rules.rough = true;
        Plan plan = solve(config, read(), FIRST * left(end));
        Rules.rough = false;
        solve(config, plan, left(end));
    }
}
