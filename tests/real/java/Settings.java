import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.storage.internals.log.LogConfig;

/**
 * Every setting that the Kafka on the class path defines, one a line on standard output, with tabs between: scope, key,
 * type, default, what its validator says, importance, and of a topic's setting the broker's settings that are its
 * default. tests/real/settings joins the lines of several versions into one table.
 */
final class Settings {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    /** Defaults that depend on the Java or the machine that runs this. */
    private static final List<String> LOCAL = List.of("ssl.enabled.protocols", "ssl.protocol");

    private Settings() {
    }

    public static void main(String[] arguments) throws ReflectiveOperationException {
        dump("producer", ProducerConfig.configDef());
        dump("consumer", ConsumerConfig.configDef());
        // It is Scala, and its place has not moved from 4.0 to 4.4.
        Method broker = Class.forName("kafka.server.KafkaConfig").getMethod("configDef");
        dump("broker", (ConfigDef) broker.invoke(null));
        dump("topic", LogConfig.configDefCopy());
    }

    private static void dump(String scope, ConfigDef definition) throws ReflectiveOperationException {
        for (ConfigDef.ConfigKey key : new TreeMap<>(definition.configKeys()).values()) {
            String[] fields = {
                scope, key.name, key.type.toString().toLowerCase(), preset(key), validator(key),
                key.importance.toString().toLowerCase(), scope.equals("topic") ? synonyms(key.name) : "",
            };
            for (int at = 0; at < fields.length; at++) {
                // One line a setting, whatever it says.
                fields[at] = fields[at].replaceAll("\\s+", " ").strip();
            }
            OUT.println(String.join("\t", fields));
        }
    }

    /** As one would write it in a file; "(required)" for none at all, "(null)" for null. */
    private static String preset(ConfigDef.ConfigKey key) {
        if (LOCAL.contains(key.name)) {
            return "(local)";
        }
        if (!key.hasDefault()) {
            return "(required)";
        }
        return key.defaultValue == null ? "(null)" : ConfigDef.convertToString(key.defaultValue, key.type).replace("class ", "");
    }

    /** Nothing where a validator has no words for itself. */
    private static String validator(ConfigDef.ConfigKey key) {
        String said = key.validator == null ? "" : key.validator.toString();
        if (said.matches(".*\\[[^.\\[\\]]*, [^.\\[\\]]*\\]")) {
            // Some are sets, whose order changes from run to run.
            int open = said.indexOf('[');
            String words = said.substring(open + 1, said.length() - 1);
            said = said.substring(0, open + 1)
                + Stream.of(words.split(", ")).sorted().collect(Collectors.joining(", ")) + "]";
        }
        return said.contains("$Lambda") || said.matches(".*@[0-9a-f]+$") ? "(code)" : said;
    }

    @SuppressWarnings("unchecked")
    private static String synonyms(String key) throws ReflectiveOperationException {
        Class<?> holder = Class.forName("org.apache.kafka.server.config.ServerTopicConfigSynonyms");
        var all = (Map<String, List<Object>>) holder.getField("ALL_TOPIC_CONFIG_SYNONYMS").get(null);
        StringBuilder names = new StringBuilder();
        for (Object synonym : all.getOrDefault(key, List.of())) {
            String name = (String) synonym.getClass().getMethod("name").invoke(synonym);
            names.append(names.isEmpty() ? "" : ",").append(name);
        }
        return names.toString();
    }
}
