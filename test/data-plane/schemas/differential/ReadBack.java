import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.AnyProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Duration;
import com.google.protobuf.DurationProto;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.EmptyProto;
import com.google.protobuf.FieldMaskProto;
import com.google.protobuf.StructProto;
import com.google.protobuf.TimestampProto;
import com.google.protobuf.WrappersProto;
import com.google.protobuf.util.JsonFormat;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.config.SerdeConfig;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaDeserializer;
import io.apicurio.registry.serde.protobuf.ProtobufKafkaDeserializer;
import io.vertx.core.Vertx;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.serialization.Deserializer;

/**
 * Reads records and prints each value in a form that keeps its type. Given the address of a registry (its own API, not
 * Confluent's), reads as Apicurio's deserializers do; else with Avro's and Protobuf's own libraries.
 */
public class ReadBack {
  private static final ObjectMapper json = new ObjectMapper();
  private static final FileDescriptor[] wellKnown = {
    AnyProto.getDescriptor(), DurationProto.getDescriptor(), EmptyProto.getDescriptor(), FieldMaskProto.getDescriptor(),
    StructProto.getDescriptor(), TimestampProto.getDescriptor(), WrappersProto.getDescriptor()
  };

  /** Reads a record to the line that is printed. */
  private interface Reader {
    String read(JsonNode given, byte[] record) throws Exception;
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Reader reader = args.length == 0 ? ReadBack::readPlainly : apicurio(args[0]);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode given = json.readTree(line);
      out.println(reader.read(given, HexFormat.of().parseHex(given.get("record").asText())));
    }
    out.flush();
    // The registry's client has threads that would go on.
    System.exit(0);
  }

  private static String readPlainly(JsonNode given, byte[] record) throws Exception {
    if (record[0] != 0) throw new IllegalArgumentException("no magic byte");
    byte[] payload = Arrays.copyOfRange(record, 5, record.length);
    if (!given.get("type").asText().equals("AVRO")) return printed(readProtobuf(given, payload));
    return json.writeValueAsString(readAvro(given, payload));
  }

  /** With their defaults but for Protobuf, where their own framing names the message and Confluent's has its indexes. */
  private static Reader apicurio(String url) {
    // They warn when they make one by themselves.
    Map<String, Object> settings = Map.of(SerdeConfig.REGISTRY_URL, url, SerdeConfig.VERTX_INSTANCE, Vertx.vertx());
    Map<String, Object> protobufSettings = new HashMap<>(settings);
    protobufSettings.put(SerdeConfig.READ_INDEXES, true);
    protobufSettings.put(SerdeConfig.READ_TYPE_REF, false);
    // It passes over the indexes: without the class that protoc made it does not know which message it is.
    protobufSettings.put(SerdeConfig.DESERIALIZER_SPECIFIC_VALUE_RETURN_CLASS, GeneratedClass.class);
    Deserializer<Object> avro = new AvroKafkaDeserializer<>();
    Deserializer<JsonNode> jsonSchema = new JsonSchemaKafkaDeserializer<>();
    Deserializer<DynamicMessage> protobuf = new ProtobufKafkaDeserializer<>();
    avro.configure(settings, false);
    jsonSchema.configure(settings, false);
    protobuf.configure(protobufSettings, false);
    return (given, record) -> {
      String topic = given.get("topic").asText();
      switch (given.get("type").asText()) {
        case "AVRO":
          // It keeps one reader for all schemas that differ in logical types alone, so the record's schema may be another.
          return json.writeValueAsString(typed(avro.deserialize(topic, record), schema(given)));
        case "JSON":
          return json.writeValueAsString(typed(jsonSchema.deserialize(topic, record)));
        default:
          GeneratedClass.message = descriptor(given);
          return printed(protobuf.deserialize(topic, record));
      }
    };
  }

  /** Stands for the class that protoc makes of a message: the deserializer calls this method of it alone. */
  public static class GeneratedClass {
    private static Descriptor message;

    public static DynamicMessage parseFrom(InputStream in) throws IOException {
      return DynamicMessage.parseFrom(message, in);
    }
  }

  private static Object readAvro(JsonNode given, byte[] payload) throws Exception {
    Schema schema = schema(given);
    BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(payload, null);
    Object value = new GenericDatumReader<Object>(schema).read(null, decoder);
    if (!decoder.isEnd()) throw new IllegalArgumentException("bytes are left over");
    return typed(value, schema);
  }

  private static Schema schema(JsonNode given) {
    return new Schema.Parser().parse(given.get("schema").asText());
  }

  private static Object typed(JsonNode value) {
    if (value.isNull()) return null;
    if (value.isBoolean()) return value.booleanValue();
    if (value.isIntegralNumber()) return "i" + value.bigIntegerValue();
    if (value.isNumber()) return typed(value.doubleValue());
    if (value.isTextual()) return "s" + value.textValue();
    if (value.isArray()) {
      List<Object> list = new ArrayList<>();
      for (JsonNode item : value) list.add(typed(item));
      return list;
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    value.properties().forEach((field) -> fields.put(field.getKey(), typed(field.getValue())));
    return fields;
  }

  private static String typed(double real) {
    return "d" + (Double.isNaN(real) ? "NaN" : String.format("%016x", Double.doubleToRawLongBits(real)));
  }

  private static Object typed(Object value, Schema schema) {
    String logical = schema.getLogicalType() == null ? "" : schema.getLogicalType().getName();
    switch (schema.getType()) {
      case UNION:
        return typed(value, schema.getTypes().get(GenericData.get().resolveUnion(schema, value)));
      case NULL:
      case BOOLEAN:
        return value;
      case INT:
      case LONG:
        long number = ((Number) value).longValue();
        if (logical.equals("date")) return "T" + number * 86_400_000_000L;
        if (logical.endsWith("-millis")) return "T" + number * 1000;
        return (logical.endsWith("-micros") ? "T" : "i") + number;
      case FLOAT:
      case DOUBLE:
        return typed(((Number) value).doubleValue());
      case BYTES:
        ByteBuffer buffer = (ByteBuffer) value;
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytesOrDecimal(bytes, schema);
      case FIXED:
        return bytesOrDecimal(((GenericFixed) value).bytes(), schema);
      case STRING:
      case ENUM:
        return "s" + value;
      case ARRAY:
        List<Object> list = new ArrayList<>();
        for (Object item : (Iterable<?>) value) list.add(typed(item, schema.getElementType()));
        return list;
      case MAP:
        Map<String, Object> map = new LinkedHashMap<>();
        ((Map<?, ?>) value).forEach((key, item) -> map.put(key.toString(), typed(item, schema.getValueType())));
        return map;
      case RECORD:
        Map<String, Object> fields = new LinkedHashMap<>();
        for (Schema.Field field : schema.getFields()) {
          fields.put(field.name(), typed(((GenericRecord) value).get(field.pos()), field.schema()));
        }
        return fields;
      default:
        throw new IllegalArgumentException(schema.toString());
    }
  }

  private static String bytesOrDecimal(byte[] bytes, Schema schema) {
    if (!(schema.getLogicalType() instanceof LogicalTypes.Decimal decimal)) return "b" + HexFormat.of().formatHex(bytes);
    return "D" + new BigDecimal(new BigInteger(bytes), decimal.getScale()).toPlainString();
  }

  private static final JsonFormat.Printer printer =
      JsonFormat.printer().usingTypeRegistry(JsonFormat.TypeRegistry.newBuilder().add(Duration.getDescriptor()).build());
  private static final Map<String, Descriptor> messages = new HashMap<>();

  private static DynamicMessage readProtobuf(JsonNode given, byte[] payload) throws Exception {
    // The list of message indexes: a single 0 stands for the first message.
    if (payload[0] != 0) throw new IllegalArgumentException("not the first message");
    return DynamicMessage.parseFrom(descriptor(given), Arrays.copyOfRange(payload, 1, payload.length));
  }

  private static Descriptor descriptor(JsonNode given) throws Exception {
    String name = given.get("message").asText();
    Descriptor message = messages.get(name);
    if (message == null) {
      FileDescriptorProto.Builder file = FileDescriptorProto.newBuilder();
      JsonFormat.parser().merge(given.get("descriptor").toString(), file);
      message = FileDescriptor.buildFrom(file.build(), wellKnown).getMessageTypes().get(0);
      messages.put(name, message);
    }
    return message;
  }

  private static String printed(DynamicMessage value) throws Exception {
    if (!value.getUnknownFields().asMap().isEmpty()) throw new IllegalArgumentException("unknown fields");
    return printer.omittingInsignificantWhitespace().print(value);
  }
}
