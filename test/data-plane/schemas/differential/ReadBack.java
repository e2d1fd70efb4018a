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
import java.io.BufferedReader;
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

/** Reads records with Avro's and Protobuf's own libraries, and prints each value in a form that keeps its type. */
public class ReadBack {
  private static final ObjectMapper json = new ObjectMapper();
  private static final FileDescriptor[] wellKnown = {
    AnyProto.getDescriptor(), DurationProto.getDescriptor(), EmptyProto.getDescriptor(), FieldMaskProto.getDescriptor(),
    StructProto.getDescriptor(), TimestampProto.getDescriptor(), WrappersProto.getDescriptor()
  };

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode given = json.readTree(line);
      byte[] data = HexFormat.of().parseHex(given.get("record").asText());
      if (data[0] != 0) throw new IllegalArgumentException("no magic byte");
      byte[] payload = Arrays.copyOfRange(data, 5, data.length);
      if (given.get("type").asText().equals("AVRO")) out.println(json.writeValueAsString(readAvro(given, payload)));
      else out.println(readProtobuf(given, payload));
    }
    out.flush();
  }

  private static Object readAvro(JsonNode given, byte[] payload) throws Exception {
    Schema schema = new Schema.Parser().parse(given.get("schema").asText());
    BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(payload, null);
    Object value = new GenericDatumReader<Object>(schema).read(null, decoder);
    if (!decoder.isEnd()) throw new IllegalArgumentException("bytes are left over");
    return typed(value, schema);
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
        double real = ((Number) value).doubleValue();
        return "d" + (Double.isNaN(real) ? "NaN" : String.format("%016x", Double.doubleToRawLongBits(real)));
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

  private static String readProtobuf(JsonNode given, byte[] payload) throws Exception {
    // The list of message indexes: a single 0 stands for the first message.
    if (payload[0] != 0) throw new IllegalArgumentException("not the first message");
    String name = given.get("message").asText();
    Descriptor message = messages.get(name);
    if (message == null) {
      FileDescriptorProto.Builder file = FileDescriptorProto.newBuilder();
      JsonFormat.parser().merge(given.get("descriptor").toString(), file);
      message = FileDescriptor.buildFrom(file.build(), wellKnown).getMessageTypes().get(0);
      messages.put(name, message);
    }
    DynamicMessage value = DynamicMessage.parseFrom(message, Arrays.copyOfRange(payload, 1, payload.length));
    if (!value.getUnknownFields().asMap().isEmpty()) throw new IllegalArgumentException("unknown fields");
    return printer.omittingInsignificantWhitespace().print(value);
  }
}
